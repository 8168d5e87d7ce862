"""A user's own pictures as scenes of four orthogonal views."""

from pathlib import Path

import jax
import numpy as np
from jaxtyping import Int

from sdjax.config.errors import UserError
from sdjax.prior_training.multiview_sources import VIEWS, Bank, camera_numbers
from sdjax.prior_training.views_of_objects import Views, views_in

_DEGREES, _LENGTHS = 1.0, 0.01  # by which cameras of a scene may differ; lengths relatively


def user_scenes(folder: str | Path, resolution: int, empty: float) -> Bank:
    """The pictures in `folder`, read as `views_in` says, four of one object a scene.

    The cameras of a scene stand 90 degrees apart, at one elevation and distance and with one lens
    (to 1 degree and 1 %); an object may have several scenes.  Its caption is that of one of its
    pictures, drawn at random, and is left out with probability `empty`.  Captions should not name
    views: the cameras do.

    Raises:
        UserError: as `views_in`, and where a picture has no three others beside it.
    """
    views = views_in(folder, resolution, at_least=VIEWS, with_text=True)
    scenes = scenes_of(views)
    cameras = jax.tree.map(lambda leaf: leaf[scenes], views.cameras)

    def caption(generator: np.random.Generator, index: int) -> str:
        chosen = scenes[index, generator.integers(VIEWS)]
        return "" if generator.uniform() < empty else views.texts[chosen]

    return Bank(views.pictures[scenes], camera_numbers(cameras), caption)


def scenes_of(views: Views) -> Int[np.ndarray, "scenes 4"]:
    """The numbers of the pictures of each scene, each 90 degrees further than the one before."""
    found = []
    for number in range(views.objects.max() + 1):
        left = np.flatnonzero(views.objects == number).tolist()
        while left:
            scene = [_beside(views, left, left[0], 90.0 * turn) for turn in range(VIEWS)]
            left = [index for index in left if index not in scene]
            found.append(scene)
    return np.int32(found)


def _beside(views: Views, left: list[int], first: int, turn: float) -> int:
    """The picture among those `left` that stands `turn` degrees beside the first."""
    azimuth, elevation, distance, fovy = (leaf[left] - leaf[first] for leaf in views.cameras[:4])
    off = np.abs(np.mod(azimuth - turn + 180.0, 360.0) - 180.0)
    fits = np.maximum(off, np.maximum(np.abs(elevation), np.abs(fovy))) <= _DEGREES
    fits &= np.abs(distance) <= _LENGTHS * views.cameras.distance[first]
    if fits.any():
        return left[int(fits.argmax())]
    seen = views.cameras.azimuth[first], views.cameras.elevation[first]
    raise UserError(
        f"The object '{views.names[views.objects[first]]}' is seen from azimuth {seen[0]:g} at "
        f"elevation {seen[1]:g} and not from azimuth {np.mod(seen[0] + turn, 360.0):g} beside it, "
        "expected four views 90 degrees apart, of one elevation, distance and fovy."
    )
