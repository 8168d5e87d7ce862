"""What networks are told of a camera: the numbers of MVDream and of Zero-1-to-3."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.cameras import Camera, axes, position
from sdjax.config.errors import UserError, short
from sdjax.shapes import check_shape

POSES = ("distance", "elevation")  # what the fourth number of a pose is


def camera_to_world(camera: Camera) -> Float[Array, "*views 4 4"]:
    """The matrices from cameras to the world: columns right, up, backward and position, last row
    0 0 0 1 (threestudio's `c2w`).  A camera looks along minus its third column; at the poles its
    right is what the azimuth says."""

    def matrix(camera):
        right, up, forward = axes(camera)
        upper = jnp.stack([right, up, -forward, position(camera)], axis=1)
        return jnp.concatenate([upper, jnp.asarray([[0.0, 0.0, 0.0, 1.0]], upper.dtype)])

    for _ in camera.azimuth.shape:
        matrix = jax.vmap(matrix)
    return matrix(camera)


def mvdream_camera(camera: Camera, front: float = 0.0) -> Float[Array, "views 16"]:
    """The matrix of `camera_to_world`, row by row, its position of length 1, in a world that is
    turned so that what is seen at azimuth `front` (degrees) is the object's front.

    In MVDream's world the front is seen from (0, -1, 0), azimuth -90 of ours; so the matrix is that
    of the camera turned by -front - 90, perturbation included.  `front` -90 turns nothing: those
    are threestudio's numbers.  The position is divided by its length + 1e-8; distance and field of
    view are not told.  Source: github.com/bytedance/MVDream, mvdream/camera_utils.py.
    """
    check_shape("camera.azimuth", camera.azimuth, "views")
    matrix = _turned(camera_to_world(camera), -front - 90.0)
    place = matrix[:, :3, 3:]
    place = place / (jnp.linalg.norm(place, axis=1, keepdims=True) + 1e-8)
    return matrix.at[:, :3, 3:].set(place).reshape(-1, 16)


def zero123_pose(
    camera: Camera, reference: Camera, fourth: str = "distance"
) -> Float[Array, "views 4"]:
    """The pose of cameras [views] beside that of `reference` [1], as Zero-1-to-3 is told it:

        [e_0 - e, sin(a - a_0), cos(a - a_0), d - d_0]    elevations e in radians, azimuths a

    so that a camera above the picture's has a negative first number, and one to the right of it
    (counter-clockwise from above) a positive second one.  With `fourth` "elevation" the last number
    is pi / 2 - e_0, the polar angle of the picture's camera: Stable Zero123.  Perturbations are not
    told.  Source: threestudio, zero123_guidance.py and stable_zero123_guidance.py.

    Raises:
        UserError: if `fourth` is not one of `POSES`.
    """
    if fourth not in POSES:
        raise UserError(
            f"The fourth number of a pose is {short(fourth)}, expected one of {', '.join(POSES)}."
        )
    check_shape("camera.azimuth", camera.azimuth, "views")
    check_shape("reference.azimuth", reference.azimuth, "1")
    turn = jnp.deg2rad(camera.azimuth - reference.azimuth)
    down = jnp.deg2rad(reference.elevation - camera.elevation)
    if fourth == "elevation":
        last = jnp.deg2rad(90.0 - reference.elevation)
    else:
        last = camera.distance - reference.distance
    last = jnp.broadcast_to(last, down.shape)
    return jnp.stack([down, jnp.sin(turn), jnp.cos(turn), last], axis=-1)


def _turned(matrices: Float[Array, "views 4 4"], degrees: float) -> Float[Array, "views 4 4"]:
    """Of cameras turned counter-clockwise around the world's z axis; as they are for 0."""
    if degrees == 0.0:
        return matrices
    angle = jnp.deg2rad(degrees)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    x, y = matrices[:, 0], matrices[:, 1]
    return matrices.at[:, 0].set(cos * x - sin * y).at[:, 1].set(sin * x + cos * y)
