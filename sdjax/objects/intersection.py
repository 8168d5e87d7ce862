"""Where rays from one point first enter a solid, and on which of its faces.

A convex solid meets a line in one interval of depths [near, far], found in closed form; a
vessel is the difference of two such intervals; a torus is sphere-traced.  The rays of a
camera share their origin, so everything that depends on it alone is computed once per solid.
Depth is measured in units of the direction's length; a miss has depth infinity.  Faces are
numbered as in `faces`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from sdjax.objects.solids import Polyhedron, Round, Torus, Vessel

Origin = Float[Array, "3"]
Directions = Float[Array, "3 rays"]
Depth = Float[Array, "rays"]
Face = Int[Array, "rays"]

TORUS_STEPS = 24
TORUS_TOLERANCE = 2e-3  # of the ring's radius


class Crossing(NamedTuple):
    """The depth at which each ray enters the solid, and the number of the face there."""

    depth: Depth
    face: Face


class Interval(NamedTuple):
    """The depths at which a line is inside a convex solid (empty unless near < far), and the
    faces at both ends."""

    near: Depth
    far: Depth
    near_face: Face
    far_face: Face


def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _to_local(solid: Round | Torus, origin: Origin, directions: Directions):
    offset = origin - solid.centre
    return [_dot(row, offset) for row in solid.to_local], [
        _dot(row, directions) for row in solid.to_local
    ]


def enter_polyhedron(solid: Polyhedron, origin: Origin, directions: Directions) -> Crossing:
    """The last half-space entered, if none was left before: near = max over entered
    half-spaces, far = min over the others, of `(offset - n . origin) / (n . direction)`."""
    near = jnp.full(directions.shape[1], -jnp.inf)
    far, face = -near, jnp.zeros(near.shape, jnp.int32)
    for index in range(6):
        slope = _dot(solid.normals[index], directions)
        slope = jnp.where(slope < 0, slope, jnp.maximum(slope, 1e-20))  # parallel, and -0.0
        depth = (solid.offsets[index] - _dot(solid.normals[index], origin)) / slope
        last = (slope < 0) & (depth > near)
        far = jnp.where(slope < 0, far, jnp.minimum(far, depth))
        near = jnp.where(last, depth, near)
        face = jnp.where(last, index, face)
    return Crossing(jnp.where((near < far) & (near > 0), near, jnp.inf), face)


def _quadric_interval(solid: Round, origin, direction) -> tuple[Depth, Depth]:
    """The depths between the roots of `x² + y² - (a + b z + c z²)` along the line.

    Where the quadratic opens downwards (inside a cone, steeper than its side), the line is
    inside beyond the roots, and the half on the same nappe as `heights` is taken.
    """
    a, b, c = solid.profile
    (x, y, z), (dx, dy, dz) = origin, direction
    square = dx * dx + dy * dy - c * dz * dz
    square = jnp.where(jnp.abs(square) < 1e-9, 1e-9, square)
    half_linear = x * dx + y * dy - (0.5 * b + c * z) * dz
    constant = x * x + y * y - (a + z * (b + c * z))
    discriminant = half_linear * half_linear - square * constant
    root = jnp.sqrt(jnp.maximum(discriminant, 0.0))
    first, second = (-half_linear - root) / square, (-half_linear + root) / square
    widens = (b + c * (solid.heights[0] + solid.heights[1])) * dz > 0  # the nappe, along the ray
    upward = square > 0
    near = jnp.where(upward | widens, first, -jnp.inf)
    far = jnp.where(upward | ~widens, second, jnp.inf)
    return near, jnp.where(discriminant < 0, -jnp.inf, far)


def _round_interval(solid: Round, origin, direction) -> Interval:
    """Faces: 0 the side, 1 the lower end, 2 the upper end."""
    low = (solid.heights[0] - origin[2]) / direction[2]
    high = (solid.heights[1] - origin[2]) / direction[2]
    enter, leave = jnp.minimum(low, high), jnp.maximum(low, high)
    near, far = _quadric_interval(solid, origin, direction)
    rising = (direction[2] > 0).astype(jnp.int32)
    return Interval(
        jnp.maximum(near, enter),
        jnp.minimum(far, leave),
        jnp.where(enter > near, 2 - rising, 0),
        jnp.where(leave < far, 1 + rising, 0),
    )


def enter_round(solid: Round, origin: Origin, directions: Directions) -> Crossing:
    """The near end of the interval between the quadric and the two flat ends."""
    line = _round_interval(solid, *_to_local(solid, origin, directions))
    inside = (line.near < line.far) & (line.near > 0)
    return Crossing(jnp.where(inside, line.near, jnp.inf), line.near_face)


def enter_vessel(solid: Vessel, origin: Origin, directions: Directions) -> Crossing:
    """The near end of `outer`, or, where that is inside the hollow, the far end of `inner`."""
    local = _to_local(solid.outer, origin, directions)
    wall, hollow = _round_interval(solid.outer, *local), _round_interval(solid.inner, *local)
    through = (hollow.near <= wall.near) & (wall.near < hollow.far)
    depth = jnp.where(through, hollow.far, wall.near)
    inside = (depth < wall.far) & (wall.near > 0)
    face = jnp.where(through, 3 + hollow.far_face, wall.near_face)
    return Crossing(jnp.where(inside, depth, jnp.inf), face)


def _torus_bounds(solid: Torus, origin, direction) -> tuple[Depth, Depth, Bool[Array, "rays"]]:
    """The interval of the bounding sphere and of `x >= cut`, and whether it begins at the cut."""
    square, half_linear = _dot(direction, direction), _dot(origin, direction)
    constant = _dot(origin, origin) - (1.0 + solid.tube) ** 2
    discriminant = half_linear * half_linear - square * constant
    root = jnp.sqrt(jnp.maximum(discriminant, 0.0))
    near, far = (-half_linear - root) / square, (-half_linear + root) / square
    cut = (solid.cut - origin[0]) / direction[0]
    begins_at_cut = (direction[0] > 0) & (cut > near)
    near = jnp.where(begins_at_cut, cut, near)
    far = jnp.where(direction[0] > 0, far, jnp.minimum(far, cut))
    return near, jnp.where(discriminant < 0, -jnp.inf, far), begins_at_cut


def enter_torus(solid: Torus, origin: Origin, directions: Directions) -> Crossing:
    """Sphere tracing in local coordinates, `TORUS_STEPS` steps, within `TORUS_TOLERANCE`."""
    origin, direction = _to_local(solid, origin, directions)
    near, far, begins_at_cut = _torus_bounds(solid, origin, direction)
    per_length = jax.lax.rsqrt(_dot(direction, direction))

    def distance(depth: Depth) -> Depth:
        x, y, z = (o + depth * d for o, d in zip(origin, direction, strict=True))
        return jnp.sqrt((jnp.sqrt(x * x + y * y) - 1.0) ** 2 + z * z) - solid.tube

    def step(_, depth: Depth) -> Depth:
        return depth + jnp.maximum(distance(depth), 0.0) * per_length

    depth = jax.lax.fori_loop(0, TORUS_STEPS, step, near)
    found = (distance(depth) < TORUS_TOLERANCE) & (near < far) & (depth < far) & (near > 0)
    cut = ((depth == near) & begins_at_cut).astype(jnp.int32)  # started inside the tube
    return Crossing(jnp.where(found, depth, jnp.inf), cut)
