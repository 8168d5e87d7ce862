"""The tensors in a component's folder, one by one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sdjax.weights.files import weight_files
from sdjax.weights.flax_files import flax_tensors
from sdjax.weights.ldm.folder_names import folder_pieces
from sdjax.weights.ldm.pieces import in_pieces, shapes_of_pieces
from sdjax.weights.safetensors_files import (
    Shape,
    safetensors_names,
    safetensors_shapes,
    safetensors_tensors,
)


def read_tensors(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of every tensor in a folder as PyTorch has them, in the dtype of the file.

    Names of other code bases (`folder_pieces`) come out as those of diffusers.  Holds about one
    tensor at a time.  ValueError as `weight_files`, or where a file is damaged.
    """
    files = weight_files(folder)
    if files[0].suffix == ".msgpack":
        yield from flax_tensors(files[0])
        return
    pieces = folder_pieces(set(safetensors_names(files)))
    tensors = safetensors_tensors(files)
    yield from tensors if pieces is None else in_pieces(tensors, pieces)


def has_heads(folder: Path) -> bool:
    """Whether names and shapes can be had without reading the tensors: of safetensors."""
    return weight_files(folder)[0].suffix != ".msgpack"


def tensor_shapes(folder: Path) -> dict[str, Shape]:
    """The shape of every tensor in a folder, by the names of `read_tensors`; of safetensors the
    heads are read only, while the old Flax files have none and are read through.

    UserError as `read_tensors`, or for weights that are quantised.
    """
    files = weight_files(folder)
    if not has_heads(folder):
        return {name: tuple(array.shape) for name, array in flax_tensors(files[0])}
    shapes = dict(safetensors_shapes(files))
    pieces = folder_pieces(shapes)
    return shapes if pieces is None else shapes_of_pieces(shapes.items(), pieces)
