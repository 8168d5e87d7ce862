"""Pictures of one colour, and where a colour is in a picture."""

import numpy as np


def solid(colour, *shape):
    return np.broadcast_to(np.float32(colour), (*shape, 3)).copy()


def covered(picture, colour):
    """Rows and columns that hold several pixels of this colour."""
    found = (picture == np.round(np.multiply(colour, 255)).astype(np.uint8)).all(-1)
    return tuple((found.sum(axis) > 5).nonzero()[0] for axis in (1, 0))


RED, GREEN, BLUE = (1, 0, 0), (0, 1, 0), (0, 0, 1)
