"""What a tensor of an original checkpoint is in the layout of diffusers and transformers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


def itself(stored: np.ndarray) -> np.ndarray:
    """Only the name differs."""
    return stored


def transposed(stored: np.ndarray) -> np.ndarray:
    """[in, out] is [out, in]."""
    return stored.T


def matrix(stored: np.ndarray) -> np.ndarray:
    """A 1x1 convolution [out, in, 1, 1] is [out, in]."""
    return stored.reshape(stored.shape[:2])


def query(stored: np.ndarray) -> np.ndarray:
    """The first third of the rows."""
    return stored[: len(stored) // 3]


def key(stored: np.ndarray) -> np.ndarray:
    """The second third of the rows."""
    return stored[len(stored) // 3 : -(len(stored) // 3)]


def value(stored: np.ndarray) -> np.ndarray:
    """The last third of the rows."""
    return stored[-(len(stored) // 3) :]


class Piece(NamedTuple):
    """One tensor there: its name, and what `take` makes (a view) of the one that is stored."""

    name: str
    take: Callable[[np.ndarray], np.ndarray] = itself
