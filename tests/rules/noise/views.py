"""Views of which only the direction and the opacity matter."""

import jax.numpy as jnp

from sdjax.cameras import Camera
from sdjax.rules.contract import View


def view(azimuth, elevation, opacity) -> View:
    azimuth = jnp.asarray(azimuth, jnp.float32)
    ones = jnp.ones_like(azimuth)
    camera = Camera(azimuth, jnp.asarray(elevation, jnp.float32), ones, ones)
    return View(camera, jnp.asarray(opacity, jnp.float32))
