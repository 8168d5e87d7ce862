"""Six flat maps of space, in which the points of a surface find their noise (CFD, arXiv
2501.05445).

Each of the three axes has two maps of the directions around it.  A map gives a point (x, y,
depth), x and y in [-1, 1]; of the points in one place, the one of least depth is seen.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

AXES = ((0, 1, 2), (0, 1, 2), (2, 0, 1), (2, 0, 1), (1, 2, 0), (1, 2, 0))
SIGNS = (1.0, -1.0, 1.0, -1.0, 1.0, -1.0)


def equal_area(
    points: Float[Array, "*points 3"], sign: float | Float[Array, ""]
) -> Float[Array, "*points 3"]:
    """The direction's place in a square, and depth = sign |point|.

    A hemisphere is unrolled to a disc of radius sqrt(1 - cos theta) (Lambert), and that to the
    square with its sectors as triangles (Shirley & Chiu 1997): equal areas everywhere.  theta is
    the angle to the third axis, either way: both hemispheres share the map, and `sign` says
    which of them, the nearer to the origin or the farther, is seen.
    """
    x, y, z = jnp.moveaxis(points, -1, 0)
    theta = jnp.arctan2(jnp.hypot(x, y), jnp.abs(z))
    phi, side = jnp.arctan2(x, y), jnp.sqrt(1.0 - jnp.cos(theta))
    quarter = jnp.pi / 2
    turns = jnp.clip(jnp.ceil(phi / quarter), -1, 2)  # the sector ends at this many quarters
    along = side * (2.0 * (phi / quarter - turns + 1.0) - 1.0)
    sectors = [turns == end for end in (1, 2, -1, 0)]
    u = jnp.select(sectors, [side, -along, -side, along])
    v = jnp.select(sectors, [along, side, -along, -side])
    return jnp.stack([u, v, sign * jnp.linalg.norm(points, axis=-1)], axis=-1)


def layer_of(
    depth: Float[Array, "faces 3"], layers: int, *, drop_straddling: bool
) -> Int[Array, "faces"]:
    """Which of the shells (k / layers, (k + 1) / layers] of |depth| a face is in; the last has no
    end.

    It is that of the mean over the corners.  With `drop_straddling` a face whose corners are in
    several shells is in none, -1, as in the official code, which so loses its noise.
    """

    def shell(depth):
        return jnp.clip(jnp.ceil(layers * depth).astype(jnp.int32) - 1, 0, layers - 1)

    corners = shell(jnp.abs(depth))
    if not drop_straddling:
        return shell(jnp.mean(jnp.abs(depth), axis=-1))
    return jnp.where(jnp.all(corners == corners[:, :1], axis=-1), corners[:, 0], -1)
