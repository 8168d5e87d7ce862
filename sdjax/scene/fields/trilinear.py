"""Trilinear interpolation in a grid whose outermost vertices lie on the faces of [-1, 1]^3."""

from collections.abc import Callable
from functools import partial

import jax
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


def corners(
    points: Float[Array, "n 3"], resolution: int
) -> tuple[Int[Array, "8 n 3"], Float[Array, "8 n"]]:
    """The eight vertices around each point and their weights, which sum to one."""
    # Computed once: rounded differently in two places, a cell and a position in it may not match.
    corner, fraction = jax.lax.optimization_barrier(cell(points, resolution))
    bits = jnp.expand_dims(jnp.indices((2, 2, 2)).reshape(3, 8).T, 1)  # [8, 1, 3]
    corner, fraction = jnp.expand_dims(corner, 0), jnp.expand_dims(fraction, 0)
    weights = jnp.prod(jnp.where(bits == 1, fraction, 1 - fraction), axis=-1)
    return corner + bits, weights


def interpolate(
    grid: Float[Array, "r r r channels"], points: Float[Array, "n 3"]
) -> Float[Array, "n channels"]:
    """sum over the eight corners of grid[corner] times the product of its linear weights."""
    return _once(partial(_interpolate, grid), points)


def nearest(grid: Float[Array, "r r r"], points: Float[Array, "n 3"]) -> Float[Array, "n"]:
    """The value of the nearest vertex."""
    return _once(partial(_nearest, grid), points)


def _once(look_up: Callable, points: Float[Array, "n 3"]) -> Float[Array, "n *channels"]:
    """look_up(points), done once: a loop of two keeps XLA from fusing the look-ups into every
    consumer of the result.  On a CPU, rendering with gradient takes two thirds of the time."""
    if points.shape[0] % 2:
        return look_up(points)
    values = jax.lax.map(look_up, points.reshape(2, -1, 3))
    return values.reshape(points.shape[0], *values.shape[2:])


def _interpolate(
    grid: Float[Array, "r r r channels"], points: Float[Array, "n 3"]
) -> Float[Array, "n channels"]:
    resolution, channels = grid.shape[0], grid.shape[-1]
    table = grid.reshape(-1, channels)
    corner, fraction = cell(points, resolution)
    total = jnp.zeros((points.shape[0], channels), grid.dtype)
    for x in (0, 1):
        for y in (0, 1):
            row = (corner[:, 0] + x) * resolution + corner[:, 1] + y
            lower, upper = _pairs(table, row * resolution + corner[:, 2])
            weight = _linear(fraction[:, :1], x) * _linear(fraction[:, 1:2], y)
            total += weight * (lower + fraction[:, 2:] * (upper - lower))
    return total


def _nearest(grid: Float[Array, "r r r"], points: Float[Array, "n 3"]) -> Float[Array, "n"]:
    last = grid.shape[0] - 1
    index = (jnp.clip((points + 1) * (0.5 * last), 0, last) + 0.5).astype(jnp.int32)
    flat = (index[:, 0] * grid.shape[0] + index[:, 1]) * grid.shape[0] + index[:, 2]
    return grid.reshape(-1).at[flat].get(mode="promise_in_bounds")


def _linear(fraction: Float[Array, "n 1"], corner: int) -> Float[Array, "n 1"]:
    return fraction if corner else 1 - fraction


def _pairs(
    table: Float[Array, "rows channels"], index: Int[Array, "n"]
) -> tuple[Float[Array, "n channels"], Float[Array, "n channels"]]:
    """Rows `index` and `index + 1`: adjacent along z, so read (and added to) as one slice."""
    numbers = jax.lax.GatherDimensionNumbers(
        offset_dims=(1, 2), collapsed_slice_dims=(), start_index_map=(0,)
    )
    pairs = jax.lax.gather(
        table, index[:, None], numbers, (2, table.shape[1]), mode="promise_in_bounds"
    )
    return pairs[:, 0], pairs[:, 1]
