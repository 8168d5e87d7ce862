"""The tensors of a PyTorch module that is in memory; PyTorch itself is not imported."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sdjax.config.errors import UserError


def module_tensors(module: Any, source: str) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of every tensor, in float32, as the module would save them without adapters.

    The arrays are copies, made one by one, of tensors in any dtype and on any device.  LoRA weights
    (PEFT's) have to be fused: the layers inside hold them then.  UserError about `source` where
    they are not, or where weights are elsewhere.
    """
    for name, tensor in _own_tensors(module, source):
        yield name, _array(tensor, source)


def module_shapes(module: Any, source: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(name, shape) of the same tensors."""
    for name, tensor in _own_tensors(module, source):
        yield name, tuple(tensor.shape)


def uncompiled(module: Any) -> Any:
    """What `torch.compile` was given, or the module itself."""
    return getattr(module, "_orig_mod", module)


def _own_tensors(module: Any, source: str) -> Iterator[tuple[str, Any]]:
    """Those that the module would save without adapters."""
    adapted = tuple(f"{path}." for path in _adapted_layers(module, source))
    for name, tensor in module.state_dict().items():
        if name.startswith(adapted):
            layer, inside, leaf = name.partition(".base_layer.")
            if not inside:
                continue  # the adapter's own
            name = f"{layer}.{leaf}"
        yield name, tensor


def _adapted_layers(module: Any, source: str) -> Iterator[str]:
    """Where layers have adapters; UserError if the layers inside are not what PyTorch computes."""
    for path, layer in module.named_modules():
        if not hasattr(layer, "merged_adapters"):
            continue
        adapters = {name for kind in layer.adapter_layer_names for name in getattr(layer, kind)}
        active = adapters.intersection(layer.active_adapters)
        if layer.disable_adapters and layer.merged_adapters:
            raise UserError(
                f"{source} has LoRA weights that are fused and disabled; call pipe.unfuse_lora() "
                "or pipe.enable_lora() first."
            )
        if active and not layer.disable_adapters and not layer.merged_adapters:
            raise UserError(
                f"{source} has LoRA weights that are not fused ({', '.join(sorted(active))}); call "
                "pipe.fuse_lora() first."
            )
        yield path


def _array(tensor: Any, source: str) -> np.ndarray:
    if tensor.is_meta:
        raise UserError(
            f"{source} has its weights offloaded; call pipe.remove_all_hooks() first, or load the "
            "pipeline without enable_sequential_cpu_offload()."
        )
    return np.array(tensor.cpu().float().numpy())  # JAX may keep, not copy, what it is given
