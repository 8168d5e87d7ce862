"""PyTorch's tensors, modules and PEFT's layers as far as they are asked, made of NumPy arrays."""

from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np


class Tensor:
    """A view of an array, on any device."""

    is_meta = False

    def __init__(self, array: np.ndarray):
        self.array = array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def cpu(self) -> "Tensor":
        return self

    def float(self) -> "Tensor":
        """Itself, as PyTorch has it, where it is float32 already."""
        return self if self.array.dtype == np.float32 else Tensor(self.array.astype(np.float32))

    def numpy(self) -> np.ndarray:
        if self.array.dtype == ml_dtypes.bfloat16:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array


class MetaTensor(Tensor):
    """What accelerate leaves where it has taken weights away."""

    is_meta = True

    def cpu(self) -> Tensor:
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")


class Module:
    """A network; its class is called as in PyTorch where a test makes a subclass."""

    def __init__(self, config: Any, tensors: dict[str, Any], layers: dict[str, Any] | None = None):
        self.config, self.tensors, self.layers = config, tensors, layers or {}

    def state_dict(self) -> dict[str, Tensor]:
        return {
            name: tensor if isinstance(tensor, Tensor) else Tensor(tensor)
            for name, tensor in self.tensors.items()
        }

    def named_modules(self):
        return [("", self), *self.layers.items()]


class Compiled:
    """What `torch.compile` makes of a module."""

    def __init__(self, module: Module):
        self._orig_mod = module

    def state_dict(self) -> dict[str, Tensor]:
        return {f"_orig_mod.{name}": tensor for name, tensor in self._orig_mod.state_dict().items()}


def adapted_layer(
    active: list[str], fused: list[str], *, disabled: bool = False, **adapters: dict[str, Any]
) -> SimpleNamespace:
    """A layer that PEFT has wrapped, with `adapters` of several kinds; the module has its tensors.

    As PEFT has it, `active` may name adapters of other layers.
    """
    return SimpleNamespace(
        active_adapters=active,
        merged_adapters=fused,
        disable_adapters=disabled,
        adapter_layer_names=tuple(adapters),
        **adapters,
    )
