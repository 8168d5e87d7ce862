"""What a tensor of an original checkpoint is in the layout of diffusers and transformers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np


def itself(stored: np.ndarray) -> np.ndarray:
    """Only the name differs."""
    return stored


def transposed(stored: np.ndarray) -> np.ndarray:
    """[in, out] is [out, in]."""
    return stored.T


def matrix(stored: np.ndarray) -> np.ndarray:
    """A 1x1 convolution [out, in, 1, 1] is [out, in]; another shape stays, to be told of later."""
    return stored.reshape(stored.shape[:2]) if stored.shape[2:] == (1, 1) else stored


def query(stored: np.ndarray) -> np.ndarray:
    """The first third of the rows."""
    return _third(stored, 0)


def key(stored: np.ndarray) -> np.ndarray:
    """The second third of the rows."""
    return _third(stored, 1)


def value(stored: np.ndarray) -> np.ndarray:
    """The last third of the rows."""
    return _third(stored, 2)


def _third(stored: np.ndarray, index: int) -> np.ndarray:
    if stored.ndim == 0 or len(stored) % 3:
        return stored
    rows = len(stored) // 3
    return stored[index * rows : (index + 1) * rows]


class Piece(NamedTuple):
    """One tensor there: its name, and what `take` makes (a view) of the one that is stored."""

    name: str
    take: Callable[[np.ndarray], np.ndarray] = itself


Pieces = Mapping[str, Sequence[Piece]]  # by the name that a file has


def in_pieces(
    tensors: Iterable[tuple[str, np.ndarray]], pieces: Pieces
) -> Iterator[tuple[str, np.ndarray]]:
    """The tensors under their new names, still one after the other."""
    for name, array in tensors:
        for piece in pieces[name]:
            yield piece.name, piece.take(array)
        del array  # before the next one is read


def shapes_of_pieces(
    shapes: Iterable[tuple[str, tuple[int, ...]]], pieces: Pieces
) -> dict[str, tuple[int, ...]]:
    """The shapes under the new names; nothing is read."""
    nothing = np.zeros((), np.int8)
    stored = ((name, np.broadcast_to(nothing, shape)) for name, shape in shapes)
    return {name: array.shape for name, array in in_pieces(stored, pieces)}
