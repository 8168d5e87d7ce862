"""The numbers that tell VSD's trainable network from where a view is seen."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.cameras import Camera, axes, position

CameraFeatures = Callable[[Camera], Float[Array, "views n"]]


def camera_matrix(camera: Camera) -> Float[Array, "views 16"]:
    """The 4 x 4 matrix from camera to world, row by row: columns right, up, backward and
    position, last row 0 0 0 1 (threestudio's `c2w`, ProlificDreamer's condition)."""

    def one(camera):
        right, up, forward = axes(camera)
        upper = jnp.stack([right, up, -forward, position(camera)], axis=1)
        return jnp.concatenate([upper.ravel(), jnp.asarray([0.0, 0.0, 0.0, 1.0])])

    return jax.vmap(one)(camera)


def spherical(camera: Camera) -> Float[Array, "views 4"]:
    """Elevation in radians, sine and cosine of the azimuth, and distance (the "spherical"
    condition of threestudio's unified guidance)."""
    azimuth = jnp.deg2rad(camera.azimuth)
    elevation = jnp.deg2rad(camera.elevation)
    return jnp.stack([elevation, jnp.sin(azimuth), jnp.cos(azimuth), camera.distance], axis=1)
