"""A component's parameters from and to its folder, or from the tensors of PyTorch."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from sdjax.config.errors import UserError
from sdjax.weights.layout import (
    TorchTensor,
    current_name,
    fits,
    is_beside,
    is_parameter,
    to_flax,
    to_torch,
    torch_tensor,
)
from sdjax.weights.low_rank import Changes, changed
from sdjax.weights.mismatch import Mismatch, described
from sdjax.weights.tensors import has_heads, read_tensors, tensor_shapes

Params = Mapping[str, Any]  # nested; the leaves are arrays, or ShapeDtypeStructs in a template


class Slot(NamedTuple):
    """A parameter of the template: where it goes, as what, and how a file has it."""

    path: tuple[str, ...]
    dtype: Any
    tensor: TorchTensor


class _Comparison:
    """A template beside tensors that come one after the other."""

    def __init__(self, template: Params, dtype: Any = None):
        self.slots = _slots(template, dtype)
        self.unseen, self.mismatch = dict(self.slots), Mismatch([], [], [], [])

    def slot(self, name: str, shape: tuple[int, ...]) -> Slot | None:
        """Where a tensor belongs; None if it is ignored or does not fit."""
        slot = self.unseen.pop(current_name(name, self.unseen), None)
        if slot is None:
            if is_parameter(name) and not is_beside(name, self.slots):
                self.mismatch.surplus.append(described(name, shape))
        elif not fits(slot.tensor, shape):
            self.mismatch.misshapen.append(described(name, shape, slot.tensor.shape))
        else:
            return slot
        return None

    def check(self, source: str) -> None:
        """UserError about `source` if anything was wrong, or is missing by now."""
        missing = (described(name, slot.tensor.shape) for name, slot in self.unseen.items())
        self.mismatch.missing.extend(missing)
        if any(self.mismatch):
            raise UserError(self.mismatch.message(source, len(self.slots)))


def check_shapes(template: Params, shapes: Mapping[str, tuple[int, ...]], source: str) -> None:
    """UserError, as of `params_of`, if tensors of these shapes are not those of the template."""
    comparison = _Comparison(template)
    for name, shape in shapes.items():
        comparison.slot(name, shape)
    comparison.check(source)


def load_params(
    template: Params, folder: str | Path, dtype: Any = None, changes: Changes | None = None
) -> dict[str, Any]:
    """The parameters in `folder` (such as `model/unet`), in the nesting of `template`.

    `folder` holds safetensors (one file or several) or the Flax msgpack of old diffusers; of
    safetensors, names and shapes are checked before a tensor is read.  `changes`: LoRA
    weights that are added, by the names of the folder's tensors.
    UserError if it has no readable weights, and otherwise as `params_of`, whose the other
    arguments are.
    """
    if has_heads(Path(folder)):
        check_shapes(template, tensor_shapes(Path(folder)), f"'{folder}'")
    tensors = changed(read_tensors(Path(folder)), changes or {})
    return params_of(template, tensors, f"'{folder}'", dtype)


def params_of(
    template: Params, tensors: Iterable[tuple[str, np.ndarray]], source: str, dtype: Any = None
) -> dict[str, Any]:
    """The parameters that `tensors` are, in the nesting of `template`.

    Args:
      template: nested dicts of `jax.ShapeDtypeStruct`, as `jax.eval_shape(network.init, ...)`
        has them under "params".
      tensors: (name, array) of each as PyTorch has it.
      source: where they are from, the subject of the sentence about what is wrong with them.
      dtype: of the arrays; the template's own where None.

    Tensors are read, turned to the layout of Flax (`sdjax.weights.layout`), converted and put on
    the default device one after the other: beyond its result, the host holds a few tensors.
    UserError if a tensor is missing, superfluous or of another shape, or if a number is not
    finite; all such tensors are listed by PyTorch's names.  What a whole CLIP has beside the tower
    that is asked for is ignored, and so are buffers.
    """
    params, comparison = {}, _Comparison(template, dtype)
    for name, array in tensors:
        slot = comparison.slot(name, tuple(array.shape))
        if slot is not None:
            if np.isfinite(array).all():
                params[slot.path] = _on_device(to_flax(slot.tensor, array), slot.dtype)
            else:
                comparison.mismatch.not_finite.append(name)
        del array  # before the next one is read
    comparison.check(source)
    return unflatten_dict(params)


def save_params(params: Params, folder: str | Path, file_name: str) -> Path:
    """Write parameters to `folder/file_name` as PyTorch has them: the inverse of `load_params`.

    diffusers and transformers read the file where it has the name that they expect
    (`diffusion_pytorch_model.safetensors`, `model.safetensors`).  Dtypes stay as they are.
    """
    from safetensors.numpy import save_file

    tensors = {}
    for path, parameter in flatten_dict(params).items():
        tensor = torch_tensor(path, parameter.shape)
        stored = to_torch(tensor, np.asarray(parameter))
        tensors[tensor.name] = np.asarray(stored, order="C")
    file = Path(folder) / file_name
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata={"format": "pt"})
    return file


def _slots(template: Params, dtype: Any) -> dict[str, Slot]:
    flat = flatten_dict(template)
    slots = [Slot(p, dtype or leaf.dtype, torch_tensor(p, leaf.shape)) for p, leaf in flat.items()]
    return {slot.tensor.name: slot for slot in slots}


def _on_device(view: np.ndarray, dtype: Any) -> jax.Array:
    """Waits, so that transfers under way do not pile up copies on the host.

    `jnp.asarray` would compile a program for each shape.
    """
    return jax.device_put(np.array(view, dtype, order="C")).block_until_ready()
