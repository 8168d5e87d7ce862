"""The tensors in a component's folder, one by one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sdjax.weights.files import weight_files
from sdjax.weights.flax_files import flax_tensors
from sdjax.weights.safetensors_files import Shape, safetensors_shapes, safetensors_tensors


def read_tensors(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of every tensor in a folder as PyTorch has them, in the dtype of the file.

    Holds about one tensor at a time.  ValueError as `weight_files`, or where a file is damaged.
    """
    files = weight_files(folder)
    flax = files[0].suffix == ".msgpack"
    yield from flax_tensors(files[0]) if flax else safetensors_tensors(files)


def has_heads(folder: Path) -> bool:
    """Whether names and shapes can be had without reading the tensors: of safetensors."""
    return weight_files(folder)[0].suffix != ".msgpack"


def tensor_shapes(folder: Path) -> dict[str, Shape]:
    """The shape of every tensor in a folder, by PyTorch's names; of safetensors the heads are read
    only, while the old Flax files have none and are read through.

    UserError as `read_tensors`, or for weights that are quantised.
    """
    files = weight_files(folder)
    if not has_heads(folder):
        return {name: tuple(array.shape) for name, array in flax_tensors(files[0])}
    return dict(safetensors_shapes(files))
