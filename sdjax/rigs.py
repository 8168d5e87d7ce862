"""Rigs: cameras at even azimuths around the object, alike in everything else."""

import jax
import jax.numpy as jnp

from sdjax.cameras import Camera, sample_camera
from sdjax.config.errors import UserError


def rig(camera: Camera, number: int) -> Camera:
    """`number` cameras: `camera` (one, without axes) and those at its azimuth + k 360 / number.

    Elevation, distance, field of view and perturbation are those of `camera`, the perturbation in
    the world's coordinates; azimuths are not wrapped.
    """
    turns = jnp.arange(number) * (360.0 / number)
    repeated = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (number, *leaf.shape)), camera)
    return repeated._replace(azimuth=repeated.azimuth + turns)


def sample_rig(
    key: jax.Array, number: int, *, relative_distance: bool = False, **ranges: object
) -> Camera:
    """A rig of `number` cameras [number]: its first is drawn as `sample_camera` draws one, but with
    azimuth uniform in [0, 360 / number) degrees.

    With `number` 1 it is that camera, bit for bit.  MVDream's random cameras have 4 and, from the
    same uniform u, azimuth (u + k) / 4 of the whole turn.  Their elevations have another law than
    ours: what MVDream's code calls uniform on the sphere, asin(2 p - 1) with p uniform between
    (low + 90) / 180 and (high + 90) / 180, is so only from pole to pole (of 0..30 degrees it gives
    0..19.5), while ours is uniform over the area between the bounds.

    Args:
        key: of the draw.
        number: of cameras, at least 1.
        relative_distance: whether the drawn distance counts in 1 / tan(fovy / 2), at which a sphere
            of radius 1 about spans the picture (MVDream's `relative_radius`).
        ranges: as of `sample_camera`: degrees and world units.

    Source: github.com/bytedance/MVDream-threestudio, threestudio/data/random_multiview.py.
    """
    camera = sample_camera(key, **ranges)
    camera = camera._replace(azimuth=camera.azimuth / number)
    if relative_distance:
        half = jnp.tan(jnp.deg2rad(0.5 * camera.fovy))
        camera = camera._replace(distance=camera.distance / half)
    return rig(camera, number)


def check_scenes(views: int, together: int) -> None:
    """Raises a UserError for so many views where they are no whole scenes of `together` each."""
    if views % together:
        raise UserError(
            f"The prior was given {views} views, expected a multiple of {together}, the views that "
            "it draws together."
        )
