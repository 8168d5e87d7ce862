"""Cameras on a sphere around the origin, and the rays through their pixels.

World: right-handed, z up.  Camera: looks at the origin, its up is world z.
Azimuth 0 stands on +x, 90 on +y (counter-clockwise from above); elevation 0 is the
horizon, 90 straight above.  Row 0 of an image is its top, column 0 its left; a ray goes
through the centre of its pixel.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Camera(NamedTuple):
    """One camera, or one per leading axis.  Angles in degrees, lengths in world units."""

    azimuth: Float[Array, "*views"]  # 0 on +x, counter-clockwise from above
    elevation: Float[Array, "*views"]  # -90..90, above the horizon
    distance: Float[Array, "*views"]  # from the origin, > 0
    fovy: Float[Array, "*views"]  # full vertical field of view, 0 < fovy < 180


def position(camera: Camera) -> Float[Array, "*views 3"]:
    """The point `distance * (cos el cos az, cos el sin az, sin el)`."""
    azimuth, elevation = jnp.deg2rad(camera.azimuth), jnp.deg2rad(camera.elevation)
    unit = jnp.stack(
        [
            jnp.cos(elevation) * jnp.cos(azimuth),
            jnp.cos(elevation) * jnp.sin(azimuth),
            jnp.sin(elevation),
        ],
        axis=-1,
    )
    return camera.distance[..., None] * unit


def axes(camera: Camera) -> tuple[Float[Array, "3"], Float[Array, "3"], Float[Array, "3"]]:
    """The unit vectors right, up and forward of one camera; written in the angles, so that
    they are defined at the poles too."""
    azimuth, elevation = jnp.deg2rad(camera.azimuth), jnp.deg2rad(camera.elevation)
    right = jnp.stack([-jnp.sin(azimuth), jnp.cos(azimuth), jnp.zeros_like(azimuth)])
    forward = -position(camera) / camera.distance
    up = jnp.stack(
        [
            -jnp.sin(elevation) * jnp.cos(azimuth),
            -jnp.sin(elevation) * jnp.sin(azimuth),
            jnp.cos(elevation),
        ]
    )
    return right, up, forward


def rays(
    camera: Camera, height: int, width: int
) -> tuple[Float[Array, "height width 3"], Float[Array, "height width 3"]]:
    """Origins and unit directions of the rays of one camera (square pixels)."""
    right, up, forward = (jnp.expand_dims(axis, (0, 1)) for axis in axes(camera))
    focal = 0.5 * height / jnp.tan(0.5 * jnp.deg2rad(camera.fovy))  # in pixels
    x = (jnp.arange(width) + 0.5 - 0.5 * width) / focal
    y = (0.5 * height - jnp.arange(height) - 0.5) / focal
    y, x = jnp.meshgrid(y, x, indexing="ij")
    towards = forward + x[..., None] * right + y[..., None] * up
    directions = towards / jnp.linalg.norm(towards, axis=-1, keepdims=True)
    origins = jnp.broadcast_to(position(camera), directions.shape)
    return origins, directions


def turntable(frames: int, elevation: float, distance: float, fovy: float) -> Camera:
    """`frames` cameras evenly around the object, starting at azimuth 0."""
    azimuth = jnp.arange(frames) * (360.0 / frames)
    return Camera(
        azimuth,
        jnp.full(frames, elevation),
        jnp.full(frames, distance),
        jnp.full(frames, fovy),
    )


def sample_camera(
    key: jax.Array,
    *,
    elevation: tuple[float, float],
    distance: tuple[float, float],
    fovy: tuple[float, float],
) -> Camera:
    """A camera with uniform azimuth in [0, 360) and the rest uniform in the given ranges.

    Elevation is drawn uniformly in the sine, that is uniformly over the sphere's area.
    """
    keys = jax.random.split(key, 4)
    low, high = (jnp.sin(jnp.deg2rad(bound)) for bound in elevation)
    sine = jax.random.uniform(keys[1], minval=low, maxval=high)
    return Camera(
        azimuth=jax.random.uniform(keys[0], maxval=360.0),
        elevation=jnp.rad2deg(jnp.arcsin(sine)),
        distance=jax.random.uniform(keys[2], minval=distance[0], maxval=distance[1]),
        fovy=jax.random.uniform(keys[3], minval=fovy[0], maxval=fovy[1]),
    )
