"""The four named directions from which an object is seen."""

import jax.numpy as jnp
from jaxtyping import Array, Int

from sdjax.cameras import Camera

DIRECTIONS = ("side", "front", "back", "overhead")


def view_direction(
    camera: Camera, *, front: float = 45.0, back: float = 45.0, overhead: float = 60.0
) -> Int[Array, "*views"]:
    """Index into `DIRECTIONS`; thresholds in degrees, as threestudio has them.

    front: |azimuth| < front; back: within `back` of azimuth 180; overhead: elevation > overhead,
    whatever the azimuth; else side.
    """
    azimuth = jnp.mod(camera.azimuth + 180.0, 360.0) - 180.0
    direction = jnp.where(jnp.abs(azimuth) < front, 1, 0)
    direction = jnp.where(jnp.abs(azimuth) > 180.0 - back, 2, direction)
    return jnp.where(camera.elevation > overhead, 3, direction)
