"""The tensors in a component's folder, one by one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sdjax.weights.files import weight_files
from sdjax.weights.flax_files import flax_tensors
from sdjax.weights.safetensors_files import safetensors_tensors


def read_tensors(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of every tensor in a folder as PyTorch has them, in the dtype of the file.

    Holds about one tensor at a time.  ValueError as `weight_files`, or where a file is damaged.
    """
    files = weight_files(folder)
    flax = files[0].suffix == ".msgpack"
    yield from flax_tensors(files[0]) if flax else safetensors_tensors(files)
