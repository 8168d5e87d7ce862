"""Where rays from one point first enter a solid, and the outward unit normal there.

A convex solid meets a line in one interval of depths [near, far], found in closed form; a
vessel is the difference of two such intervals; a torus is sphere-traced.  The rays of a
camera share their origin, so everything that depends on it alone is computed once per solid.
Depth is measured in units of the direction's length; a miss has depth infinity.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from sdjax.objects.solids import Polyhedron, Round, Torus, Vessel

Origin = Float[Array, "3"]
Directions = Float[Array, "3 rays"]
Depth = Float[Array, "rays"]

TORUS_STEPS = 24
TORUS_TOLERANCE = 2e-3  # of the ring's radius


class Hit(NamedTuple):
    """The first intersection of each ray."""

    depth: Float[Array, "rays"]
    normal: Float[Array, "3 rays"]
    colour: Float[Array, "3 rays"]


class Interval(NamedTuple):
    """The depths at which a line is inside a convex solid (empty unless near < far), and
    whether each end lies on a flat end of a solid of revolution."""

    near: Float[Array, "rays"]
    far: Float[Array, "rays"]
    near_flat: Bool[Array, "rays"]
    far_flat: Bool[Array, "rays"]


def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _transform(matrix: Float[Array, "3 3"], vectors):
    return [_dot(row, vectors) for row in matrix]


def _unit(vectors) -> Float[Array, "3 rays"]:
    inverse_length = jax.lax.rsqrt(_dot(vectors, vectors))
    return jnp.stack([component * inverse_length for component in vectors])


def _fill(colour: Float[Array, "3"], depth: Depth) -> Float[Array, "3 rays"]:
    return jnp.broadcast_to(colour[:, None], (3, depth.size))


def polyhedron_hit(solid: Polyhedron, origin: Origin, directions: Directions) -> Hit:
    """The last half-space entered, if none was left before: near = max over entered
    half-spaces, far = min over the others, of `(offset - n . origin) / (n . direction)`."""
    near = jnp.full(directions.shape[1], -jnp.inf)
    far = -near
    normal = [jnp.zeros_like(near)] * 3
    for plane_normal, offset in zip(solid.normals, solid.offsets, strict=True):
        slope = _dot(plane_normal, directions)
        depth = (offset - _dot(plane_normal, origin)) / slope
        entered = (slope < 0) & (depth > near)
        far = jnp.where(slope < 0, far, jnp.minimum(far, depth))
        near = jnp.where(entered, depth, near)
        normal = [jnp.where(entered, n, old) for n, old in zip(plane_normal, normal, strict=True)]
    depth = jnp.where((near < far) & (near > 0), near, jnp.inf)
    return Hit(depth, jnp.stack(normal), _fill(solid.colour, depth))


def _quadric_interval(profile, heights, origin, direction) -> tuple[Depth, Depth]:
    """The depths between the roots of `x² + y² - (a + b z + c z²)` along the line.

    Where the quadratic opens downwards (inside a cone, steeper than its side), the line is
    inside beyond the roots, and the half on the same nappe as `heights` is taken.
    """
    a, b, c = profile
    (x, y, z), (dx, dy, dz) = origin, direction
    square = dx * dx + dy * dy - c * dz * dz
    square = jnp.where(jnp.abs(square) < 1e-9, 1e-9, square)
    half_linear = x * dx + y * dy - (0.5 * b + c * z) * dz
    constant = x * x + y * y - (a + z * (b + c * z))
    discriminant = half_linear * half_linear - square * constant
    root = jnp.sqrt(jnp.maximum(discriminant, 0.0))
    first, second = (-half_linear - root) / square, (-half_linear + root) / square
    widens = (b + c * (heights[0] + heights[1])) * dz > 0  # the nappe, along the ray
    upward = square > 0
    near = jnp.where(upward | widens, first, -jnp.inf)
    far = jnp.where(upward | ~widens, second, jnp.inf)
    return near, jnp.where(discriminant < 0, -jnp.inf, far)


def _round_interval(solid: Round, origin, direction) -> Interval:
    low = (solid.heights[0] - origin[2]) / direction[2]
    high = (solid.heights[1] - origin[2]) / direction[2]
    flat_near, flat_far = jnp.minimum(low, high), jnp.maximum(low, high)
    near, far = _quadric_interval(solid.profile, solid.heights, origin, direction)
    return Interval(
        jnp.maximum(near, flat_near), jnp.minimum(far, flat_far), flat_near > near, flat_far < far
    )


def _round_normal(solid: Round, origin, direction, depth, flat, outside) -> Float[Array, "3 rays"]:
    """The gradient of the quadric, or the axis on a flat end; `outside` is the direction's
    sign towards the free side of a flat end: -1 where the ray enters, +1 where it leaves."""
    x, y, z = (o + depth * d for o, d in zip(origin, direction, strict=True))
    slope = 0.5 * solid.profile[1] + solid.profile[2] * z
    gradient = [
        jnp.where(flat, 0.0, x),
        jnp.where(flat, 0.0, y),
        jnp.where(flat, outside * jnp.sign(direction[2]), -slope),
    ]
    return _unit(_transform(solid.to_local.T, gradient))


def _localise(solid: Round | Torus, origin: Origin, directions: Directions):
    to_local = solid.to_local
    return _transform(to_local, origin - solid.centre), _transform(to_local, directions)


def round_hit(solid: Round, origin: Origin, directions: Directions) -> Hit:
    """The near end of the interval between the quadric and the two flat ends."""
    origin, direction = _localise(solid, origin, directions)
    line = _round_interval(solid, origin, direction)
    depth = jnp.where((line.near < line.far) & (line.near > 0), line.near, jnp.inf)
    normal = _round_normal(solid, origin, direction, line.near, line.near_flat, -1.0)
    return Hit(depth, normal, _fill(solid.colour, depth))


def vessel_hit(solid: Vessel, origin: Origin, directions: Directions) -> Hit:
    """The near end of `outer`, or, where that is inside the hollow, the far end of `inner`."""
    origin, direction = _localise(solid.outer, origin, directions)
    wall = _round_interval(solid.outer, origin, direction)
    hollow = _round_interval(solid.inner, origin, direction)
    through = (hollow.near <= wall.near) & (wall.near < hollow.far)
    depth = jnp.where(through, hollow.far, wall.near)
    depth = jnp.where((depth < wall.far) & (wall.near > 0), depth, jnp.inf)
    outside = _round_normal(solid.outer, origin, direction, wall.near, wall.near_flat, -1.0)
    inside = _round_normal(solid.inner, origin, direction, hollow.far, hollow.far_flat, 1.0)
    return Hit(
        depth,
        jnp.where(through[None], -inside, outside),
        jnp.where(through[None], solid.inner.colour[:, None], solid.outer.colour[:, None]),
    )


def _torus_bounds(solid: Torus, origin, direction) -> tuple[Depth, Depth]:
    """The interval of the bounding sphere and of `x >= cut`."""
    square, half_linear = _dot(direction, direction), _dot(origin, direction)
    constant = _dot(origin, origin) - (1.0 + solid.tube) ** 2
    discriminant = half_linear * half_linear - square * constant
    root = jnp.sqrt(jnp.maximum(discriminant, 0.0))
    near, far = (-half_linear - root) / square, (-half_linear + root) / square
    cut = (solid.cut - origin[0]) / direction[0]
    near = jnp.where(direction[0] > 0, jnp.maximum(near, cut), near)
    far = jnp.where(direction[0] > 0, far, jnp.minimum(far, cut))
    return near, jnp.where(discriminant < 0, -jnp.inf, far)


def torus_hit(solid: Torus, origin: Origin, directions: Directions) -> Hit:
    """Sphere tracing in local coordinates, `TORUS_STEPS` steps, within `TORUS_TOLERANCE`."""
    origin, direction = _localise(solid, origin, directions)
    near, far = _torus_bounds(solid, origin, direction)
    per_length = jax.lax.rsqrt(_dot(direction, direction))

    def point(depth):
        x, y, z = (o + depth * d for o, d in zip(origin, direction, strict=True))
        return x, y, z, jnp.sqrt(x * x + y * y)

    def distance(depth):
        _, _, z, radius = point(depth)
        return jnp.sqrt((radius - 1.0) ** 2 + z * z) - solid.tube

    def step(_, depth):
        return depth + jnp.maximum(distance(depth), 0.0) * per_length

    depth = jax.lax.fori_loop(0, TORUS_STEPS, step, near)
    x, y, z, radius = point(depth)
    shrink = 1.0 - 1.0 / radius  # the gradient points away from the nearest point of the ring
    normal = _unit(_transform(solid.to_local.T, [x * shrink, y * shrink, z]))
    found = (distance(depth) < TORUS_TOLERANCE) & (depth < far) & (depth > 0) & (near < far)
    depth = jnp.where(found, depth, jnp.inf)
    return Hit(depth, normal, _fill(solid.colour, depth))
