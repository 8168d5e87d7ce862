"""A component's parameters from and to its folder, or from the tensors of PyTorch."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from sdjax.config.errors import UserError
from sdjax.weights.layout import (
    TorchTensor,
    current_name,
    fits,
    is_parameter,
    to_flax,
    to_torch,
    torch_tensor,
)
from sdjax.weights.mismatch import Mismatch, described
from sdjax.weights.tensors import read_tensors

Params = Mapping[str, Any]  # nested; the leaves are arrays, or ShapeDtypeStructs in a template


class Slot(NamedTuple):
    """A parameter of the template: where it goes, as what, and how a file has it."""

    path: tuple[str, ...]
    dtype: Any
    tensor: TorchTensor


def load_params(template: Params, folder: str | Path, dtype: Any = None) -> dict[str, Any]:
    """The parameters in `folder` (such as `model/unet`), in the nesting of `template`.

    `folder` holds safetensors (one file or several) or the Flax msgpack of old diffusers.
    ValueError if it has no readable weights, and otherwise as `params_of`, whose the other
    arguments are.
    """
    return params_of(template, read_tensors(Path(folder)), f"'{folder}'", dtype)


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
    ValueError if a tensor is missing, superfluous or of another shape, or if a number is not
    finite; all such tensors are listed by PyTorch's names.
    """
    slots = _slots(template, dtype)
    params, unseen, mismatch = {}, dict(slots), Mismatch([], [], [], [])
    for name, array in tensors:
        slot = unseen.pop(current_name(name, unseen), None)
        if slot is None:
            if is_parameter(name):
                mismatch.surplus.append(described(name, array.shape))
        elif not fits(slot.tensor, array.shape):
            mismatch.misshapen.append(described(name, array.shape, slot.tensor.shape))
        elif not np.isfinite(array).all():
            mismatch.not_finite.append(name)
        else:
            params[slot.path] = _on_device(to_flax(slot.tensor, array), slot.dtype)
        del array  # before the next one is read
    mismatch.missing.extend(described(name, slot.tensor.shape) for name, slot in unseen.items())
    if any(mismatch):
        raise UserError(mismatch.message(source, len(slots)))
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
        tensors[tensor.name] = np.ascontiguousarray(stored)
    file = Path(folder) / file_name
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata={"format": "pt"})
    return file


def _slots(template: Params, dtype: Any) -> dict[str, Slot]:
    flat = flatten_dict(template)
    slots = [Slot(p, dtype or leaf.dtype, torch_tensor(p, leaf.shape)) for p, leaf in flat.items()]
    return {slot.tensor.name: slot for slot in slots}


def _on_device(view: np.ndarray, dtype: Any) -> jax.Array:
    """Waits, so that transfers under way do not pile up copies on the host."""
    return jnp.asarray(np.ascontiguousarray(view, dtype)).block_until_ready()
