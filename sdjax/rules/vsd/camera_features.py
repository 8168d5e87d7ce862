"""The numbers that tell VSD's trainable network from where a view is seen."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.camera_numbers import camera_to_world
from sdjax.cameras import Camera

CameraFeatures = Callable[[Camera], Float[Array, "views n"]]


def camera_matrix(camera: Camera) -> Float[Array, "views 16"]:
    """The 4 x 4 matrix of `camera_to_world`, row by row (ProlificDreamer's condition)."""
    return camera_to_world(camera).reshape(-1, 16)


def spherical(camera: Camera) -> Float[Array, "views 4"]:
    """Elevation in radians, sine and cosine of the azimuth, and distance (the "spherical"
    condition of threestudio's unified guidance)."""
    azimuth = jnp.deg2rad(camera.azimuth)
    elevation = jnp.deg2rad(camera.elevation)
    return jnp.stack([elevation, jnp.sin(azimuth), jnp.cos(azimuth), camera.distance], axis=1)
