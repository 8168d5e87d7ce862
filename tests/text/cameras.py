"""Cameras of which only the angles matter."""

import jax.numpy as jnp

from sdjax.cameras import Camera


def camera(azimuth, elevation) -> Camera:
    """Angles in degrees, broadcast against each other."""
    azimuth, elevation = jnp.broadcast_arrays(jnp.asarray(azimuth), jnp.asarray(elevation))
    azimuth, elevation = azimuth.astype(jnp.float32), elevation.astype(jnp.float32)
    return Camera(azimuth, elevation, jnp.ones_like(azimuth), jnp.ones_like(azimuth))
