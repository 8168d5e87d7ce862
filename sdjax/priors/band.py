"""From where a prior will be looked at."""

from typing import NamedTuple


class Band(NamedTuple):
    """Cameras at one distance, at heights within a range; degrees and world units."""

    elevation: tuple[float, float]
    distance: float
    fovy: float
