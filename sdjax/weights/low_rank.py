"""Low-rank changes of weights, added while the weights are read (LoRA, arXiv 2106.09685)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Change(NamedTuple):
    """W + scale up @ down of a matrix W [out, in], or of a convolution's [out, in, h, w]."""

    down: np.ndarray  # [rank, in] or [rank, in, h, w]
    up: np.ndarray  # [out, rank] or [out, rank, 1, 1]
    scale: float


Changes = Mapping[str, Sequence[Change]]  # by the name of the tensor


def changed(
    tensors: Iterable[tuple[str, np.ndarray]], changes: Changes
) -> Iterator[tuple[str, np.ndarray]]:
    """The tensors, those that have changes in float32 with all of them added."""
    for name, array in tensors:
        for change in changes.get(name, ()):
            array = array.astype(np.float32) + _product(change).reshape(array.shape)
        yield name, array


def _product(change: Change) -> np.ndarray:
    """scale up @ down, [out, the rest]."""
    up, down = (matrix.astype(np.float32) for matrix in (change.up, change.down))
    rank = len(down)
    return np.float32(change.scale) * (up.reshape(-1, rank) @ down.reshape(rank, -1))
