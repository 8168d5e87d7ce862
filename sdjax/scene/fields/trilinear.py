"""Trilinear interpolation in a grid whose outermost vertices lie on the faces of [-1, 1]^3."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def cell(
    points: Float[Array, "n 3"], resolution: int
) -> tuple[Int[Array, "n 3"], Float[Array, "n 3"]]:
    """The lowest corner of the cell that holds each point, and the position in it in [0, 1].

    A point outside the cube is moved to the nearest face.
    """
    position = jnp.clip((points + 1) * (0.5 * (resolution - 1)), 0, resolution - 1)
    corner = jnp.minimum(position.astype(jnp.int32), resolution - 2)
    return corner, position - corner


def interpolate(
    grid: Float[Array, "r r r channels"], points: Float[Array, "n 3"]
) -> Float[Array, "n channels"]:
    """sum_corners w_corner grid[corner], with the product of the three linear weights."""
    resolution = grid.shape[0]
    corner, fraction = cell(points, resolution)
    table = grid.reshape(-1, grid.shape[-1])
    strides = (resolution * resolution, resolution, 1)
    total = jnp.zeros((points.shape[0], grid.shape[-1]), grid.dtype)
    for x in (0, 1):
        for y in (0, 1):
            for z in (0, 1):
                index = sum(
                    (corner[:, axis] + bit) * stride
                    for axis, (bit, stride) in enumerate(zip((x, y, z), strides, strict=True))
                )
                weight = 1.0
                for axis, bit in enumerate((x, y, z)):
                    weight *= fraction[:, axis] if bit else 1 - fraction[:, axis]
                total += weight[:, None] * table.at[index].get(mode="promise_in_bounds")
    return total
