"""Which triangle each texel of a square picture sees, with static shapes."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def rasterise(
    vertices: Float[Array, "vertices 3"],
    faces: Int[Array, "faces 3"],
    kept: Bool[Array, "faces"],
    resolution: int,
    window: int,
) -> Int[Array, "resolution resolution"]:
    """int32: 0 where a texel sees none, else 1 + the index of the face that it sees.

    A vertex is (x, y, depth), the picture is [-1, 1] x [-1, 1] with the centre of texel (row i,
    column j) at x = (2 j + 1) / resolution - 1, y = (2 i + 1) / resolution - 1.  Of the faces
    that are `kept` and cover a texel's centre at a depth in [-1, 1], the one of least depth is
    seen; of two at the same depth (on an edge that they share) the one of the lower index.

    Each face is looked at in `window` x `window` texels from the first row and column that it
    reaches: of larger faces the rest is left out.  Cost and memory: faces x window^2.
    """
    window = min(window, resolution)
    corners = vertices[faces]
    grid = (corners[..., :2] + 1.0) * (0.5 * resolution) - 0.5  # in texels
    start = jnp.ceil(jnp.min(grid, axis=1)).astype(jnp.int32)
    start = jnp.clip(start, 0, resolution - window)
    rows, columns = (start[:, i, None] + jnp.arange(window)[None] for i in (1, 0))
    depth = depths(grid, corners[..., 2], rows, columns)
    seen = (jnp.abs(depth) <= 1.0) & kept[:, None, None]  # never where the depth is nan
    depth = jnp.where(seen, depth, jnp.inf)
    texel = rows[:, :, None] * resolution + columns[:, None, :]
    nearest = jnp.full(resolution**2, jnp.inf, depth.dtype).at[texel].min(depth)
    wins = seen & (depth == nearest[texel])
    index = jnp.where(wins, jnp.expand_dims(jnp.arange(len(faces)), (1, 2)), len(faces))
    found = jnp.full(resolution**2, len(faces), index.dtype).at[texel].min(index)
    found = jnp.where(found == len(faces), 0, found + 1)
    return found.reshape(resolution, resolution).astype(jnp.int32)


def depths(
    grid: Float[Array, "faces 3 2"],
    depth: Float[Array, "faces 3"],
    rows: Int[Array, "faces window"],
    columns: Int[Array, "faces window"],
) -> Float[Array, "faces window window"]:
    """Of each face at the given texels, linear in its corners; nan outside of it."""
    x, y = columns[:, None, :].astype(grid.dtype), rows[:, :, None].astype(grid.dtype)

    def twice_the_area(a, b, x, y):
        """Of the triangle of corners a, b and the point, signed."""
        (ax, ay), (bx, by) = (jnp.moveaxis(grid[:, i], -1, 0)[..., None, None] for i in (a, b))
        return (bx - ax) * (y - ay) - (by - ay) * (x - ax)

    parts = [twice_the_area(a, b, x, y) for a, b in ((1, 2), (2, 0), (0, 1))]
    whole = parts[0] + parts[1] + parts[2]
    shares = [part / whole for part in parts]
    inside = (shares[0] >= 0.0) & (shares[1] >= 0.0) & (shares[2] >= 0.0)
    total = sum(share * depth[:, i, None, None] for i, share in enumerate(shares))
    return jnp.where(inside, total, jnp.nan)
