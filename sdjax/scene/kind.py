"""What a scene is to a configuration."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sdjax.config.fields import one_of
from sdjax.config.kinds import Fields

START = one_of("spread", "estimate").says(
    "of a picture: `spread`, or the prior's one-step estimate of the seed's noise at T - 1"
)


class Place(NamedTuple):
    """What a stage of a run gives to the maker of a scene, besides the scene's own fields."""

    size: int  # pixels of the run's largest rendering along an edge
    latent_shape: tuple[int, int, int] | None  # of the prior there; None where there is none
    grid: int  # vertices of a dense grid along an edge
    normals: bool  # whether a regulariser needs them
    perturbed_normals: bool


class SceneKind(NamedTuple):
    """A scene of the list: `make(place, **fields)`; `is_flat` where it is a picture, seen by one
    camera, without a shape."""

    name: str
    make: Callable[..., Any]
    fields: Fields
    is_flat: bool = False
