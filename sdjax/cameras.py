"""Cameras on a sphere around the origin, and the rays through their pixels.

World: right-handed, z up.  Camera: looks at the origin, its up is world z; a perturbation may
move all three a little.
Azimuth 0 stands on +x, 90 on +y (counter-clockwise from above); elevation 0 is the
horizon, 90 straight above.  An object faces azimuth 0: from 0 to 180 one sees its own left side,
from -180 to 0 its right.  Row 0 of an image is its top, column 0 its left; a ray goes
through the centre of its pixel.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

DIRECTIONS = ("side", "front", "back", "overhead")  # the words for where an object is seen from
OCTANTS = (  # finer ones; number k is seen from azimuths within 22.5 degrees of 45 k
    *("front", "front left", "left", "back left"),
    *("back", "back right", "right", "front right"),
)


class Perturbation(NamedTuple):
    """What is added to a camera's position, to the point it looks at and to its up vector."""

    position: Float[Array, "*views 3"]  # world units
    centre: Float[Array, "*views 3"]  # world units
    up: Float[Array, "*views 3"]  # to the unit vector (0, 0, 1)


class Camera(NamedTuple):
    """One camera, or one per leading axis.  Angles in degrees, lengths in world units.

    The angles and the distance are those before a perturbation: they choose prompts and noise,
    while `position`, `axes` and `rays` give the camera that takes the picture.
    """

    azimuth: Float[Array, "*views"]  # 0 on +x, counter-clockwise from above
    elevation: Float[Array, "*views"]  # -90..90, above the horizon
    distance: Float[Array, "*views"]  # from the origin, > 0
    fovy: Float[Array, "*views"]  # full vertical field of view, 0 < fovy < 180
    perturbation: Perturbation | None = None


def position(camera: Camera) -> Float[Array, "*views 3"]:
    """The point `distance * (cos el cos az, cos el sin az, sin el)`, plus its perturbation."""
    azimuth, elevation = jnp.deg2rad(camera.azimuth), jnp.deg2rad(camera.elevation)
    unit = jnp.stack(
        [
            jnp.cos(elevation) * jnp.cos(azimuth),
            jnp.cos(elevation) * jnp.sin(azimuth),
            jnp.sin(elevation),
        ],
        axis=-1,
    )
    unperturbed = camera.distance[..., None] * unit
    return (
        unperturbed if camera.perturbation is None else unperturbed + camera.perturbation.position
    )


def axes(camera: Camera) -> tuple[Float[Array, "3"], Float[Array, "3"], Float[Array, "3"]]:
    """The unit vectors right, up and forward of one camera.

    Without a perturbation they are written in the angles, so that they are defined at the poles
    too.  With one, forward looks from the moved position at the moved centre, right is
    forward x up of the moved up vector, and up is right x forward, all normalised.
    """
    straight = _axes_to_origin(camera._replace(perturbation=None))
    if camera.perturbation is None:
        return straight
    forward = _unit(camera.perturbation.centre - position(camera))
    # the own up adds nothing but at the poles, where world z would leave right undefined
    towards = jnp.array([0.0, 0.0, 1.0]) + camera.perturbation.up + 1e-6 * straight[1]
    right = _unit(jnp.cross(forward, towards))
    return right, jnp.cross(right, forward), forward


def _axes_to_origin(
    camera: Camera,
) -> tuple[Float[Array, "3"], Float[Array, "3"], Float[Array, "3"]]:
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
    azimuth = np.arange(frames) * (360.0 / frames)
    columns = azimuth, *(np.full(frames, value) for value in (elevation, distance, fovy))
    return Camera(*(jax.device_put(column.astype(np.float32)) for column in columns))


def front_camera() -> Camera:
    """One camera [1] at azimuth and elevation 0; its distance and lens are of no importance."""
    zero, one = jnp.zeros(1), jnp.ones(1)
    return Camera(zero, zero, one, 45.0 * one)


def spread_cameras(
    number: int,
    *,
    elevation: tuple[float, float],
    distance: float,
    fovy: float,
    azimuth: float = 0.0,
) -> Camera:
    """`number` cameras spread evenly over a band of the sphere, by the golden angle from
    `azimuth` on."""
    index = np.arange(number)
    low, high = np.sin(np.deg2rad(elevation))
    sine = low + (high - low) * (index + 0.5) / number
    azimuth = np.mod(azimuth + index * 180.0 * (3.0 - np.sqrt(5.0)), 360.0)
    columns = (
        azimuth,
        np.rad2deg(np.arcsin(sine)),
        np.full(number, distance),
        np.full(number, fovy),
    )
    return Camera(*(jnp.asarray(column, jnp.float32) for column in columns))


def sample_camera(
    key: jax.Array,
    *,
    elevation: tuple[float, float],
    distance: tuple[float, float],
    fovy: tuple[float, float],
    even_degrees: float = 0.0,
    camera_perturb: float = 0.0,
    center_perturb: float = 0.0,
    up_perturb: float = 0.0,
) -> Camera:
    """A camera with uniform azimuth in [0, 360) and the rest uniform in the given ranges.

    Elevation is drawn uniformly in the sine, that is uniformly over the sphere's area, but with
    probability `even_degrees` uniformly in degrees, which looks from the poles more often.  A
    perturbation is drawn if one of the last three is not 0: the position moves uniformly within
    +-`camera_perturb` in each coordinate, the centre and the up vector by normal deviates of
    standard deviation `center_perturb` and `up_perturb`.  threestudio's random camera has
    0.5, 0.1, 0.2 and 0.02.
    """
    keys = jax.random.split(key, 4)
    low, high = (jnp.sin(jnp.deg2rad(bound)) for bound in elevation)
    sine = jax.random.uniform(keys[1], minval=low, maxval=high)
    degrees = jnp.rad2deg(jnp.arcsin(sine))
    if even_degrees:
        coin, other = jax.random.split(jax.random.fold_in(key, 4))
        even = jax.random.uniform(other, minval=elevation[0], maxval=elevation[1])
        degrees = jnp.where(jax.random.bernoulli(coin, even_degrees), even, degrees)
    spreads = (camera_perturb, center_perturb, up_perturb)
    return Camera(
        azimuth=jax.random.uniform(keys[0], maxval=360.0),
        elevation=degrees,
        distance=jax.random.uniform(keys[2], minval=distance[0], maxval=distance[1]),
        fovy=jax.random.uniform(keys[3], minval=fovy[0], maxval=fovy[1]),
        perturbation=_perturbation(jax.random.fold_in(key, 5), *spreads) if any(spreads) else None,
    )


def _perturbation(key: jax.Array, position: float, centre: float, up: float) -> Perturbation:
    keys = jax.random.split(key, 3)
    return Perturbation(
        position=jax.random.uniform(keys[0], (3,), minval=-position, maxval=position),
        centre=centre * jax.random.normal(keys[1], (3,)),
        up=up * jax.random.normal(keys[2], (3,)),
    )


def _unit(vector: Float[Array, "3"]) -> Float[Array, "3"]:
    return vector / jnp.linalg.norm(vector)


def wrapped_azimuth(camera: Camera) -> Float[Array, "*views"]:
    """The azimuth in [-180, 180) degrees: negative where one sees the object's right side."""
    return jnp.mod(camera.azimuth + 180.0, 360.0) - 180.0


def view_direction(
    camera: Camera,
    *,
    front: float = 45.0,
    back: float = 45.0,
    overhead: float = 60.0,
    two_sides: bool = False,
) -> Int[Array, "*views"]:
    """Index into `DIRECTIONS`; thresholds in degrees, as threestudio has them.

    front: |azimuth| < front; back: within `back` of azimuth 180; overhead: elevation > overhead,
    whatever the azimuth; else side.  With `two_sides` that is the left side, and the right side,
    where the azimuth in [-180, 180) is negative, has the index `len(DIRECTIONS)`.
    """
    azimuth = wrapped_azimuth(camera)
    side = jnp.where(azimuth < 0.0, len(DIRECTIONS), 0) if two_sides else 0
    direction = jnp.where(jnp.abs(azimuth) < front, 1, side)
    direction = jnp.where(jnp.abs(azimuth) > 180.0 - back, 2, direction)
    return jnp.where(camera.elevation > overhead, 3, direction)


def octant(camera: Camera, *, overhead: float = 90.0) -> Int[Array, "*views"]:
    """Index into `OCTANTS`: k for azimuths from 45 k - 22.5 degrees up to 45 k + 22.5, the upper
    border excluded; above the elevation `overhead` in degrees `len(OCTANTS)`."""
    index = jnp.mod(jnp.floor(camera.azimuth / 45.0 + 0.5), len(OCTANTS)).astype(jnp.int32)
    return jnp.where(camera.elevation > overhead, len(OCTANTS), index)
