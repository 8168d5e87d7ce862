"""The multiresolution hash grid of Instant-NGP (Mueller et al. 2022, arXiv 2201.05989)."""

import dataclasses
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

from sdjax.config.fields import fields_of, optional, several, whole
from sdjax.scene.fields.field import BLOB_AND_CUBE, Field, FieldKind, gridless
from sdjax.scene.fields.network import apply_network, init_network
from sdjax.scene.fields.trilinear import corners

PRIMES = (1, 2654435761, 805459861)  # of the paper's equation 4


@flax.struct.dataclass
class HashGrid(Field):
    """`levels` grids of growing resolution, each interpolated trilinearly from one table.

        resolution of level l   N_l = floor(base_resolution * per_level_scale^l)
        vertex (x, y, z)        row x + y (N_l + 1) + z (N_l + 1)^2 where the table has that
                                many rows, else (x xor 2654435761 y xor 805459861 z) mod T
        values                  network(features of all levels), 64 wide, one hidden layer

    with tables of T = 2^log2_table_size rows of `features`.  The defaults are those of the
    official recipes (threestudio): 16 levels of 2 features, base 16, scale 1.447, 2^19 rows,
    blob 10 and 0.5.  The first `active_levels` levels are seen, the others are zero: a value
    that may be traced, so that a schedule needs no recompilation:
    `field.replace(active_levels=...)`.  With `progressive` = (start_level, start, every), the
    latter two in fractions of the run, `at(progress)` does it:

        active_levels = min(start_level + floor(max(progress - start, 0) / every), levels)

    (threestudio's progressive band: of 10,000 steps, (8, 0.2, 0.05) starts with 8 and adds one
    every 500 after 2,000.)  Without it `at` changes nothing.
    `params` is {"tables": [levels, T, features], "network": layers}.
    """

    levels: int = flax.struct.field(pytree_node=False, default=16)
    features: int = flax.struct.field(pytree_node=False, default=2)
    base_resolution: int = flax.struct.field(pytree_node=False, default=16)
    per_level_scale: float = flax.struct.field(pytree_node=False, default=1.447269237440378)
    log2_table_size: int = flax.struct.field(pytree_node=False, default=19)
    width: int = flax.struct.field(pytree_node=False, default=64)
    layers: int = flax.struct.field(pytree_node=False, default=1)
    active_levels: Any = 1_000  # a number: all of them
    progressive: tuple[int, float, float] | None = flax.struct.field(
        pytree_node=False, default=None
    )

    def init(self, key: jax.Array) -> Any:
        """Tables uniform in +-1e-4, as in the paper; He-normal network with a small output."""
        table_key, network_key = jax.random.split(key)
        shape = (self.levels, 2**self.log2_table_size, self.features)
        sizes = (self.levels * self.features, *[self.width] * self.layers, 4)
        return {
            "tables": jax.random.uniform(table_key, shape, minval=-1e-4, maxval=1e-4),
            "network": init_network(network_key, sizes),
        }

    def at(self, progress: float | Float[Array, ""]) -> "HashGrid":
        """The levels that `progressive` shows at a fraction of the run."""
        if self.progressive is None:
            return self
        start_level, start, every = self.progressive
        # the small number: 0.25 of a run is due where float32 says 0.24999999
        added = jnp.floor(jnp.maximum(progress - start, 0.0) / every + 1e-4)
        return self.replace(active_levels=jnp.minimum(start_level + added, self.levels))

    def resolution(self, level: int) -> int:
        """N_l, the cells along each side at one level."""
        return int(self.base_resolution * self.per_level_scale**level)

    def encode(self, params: Any, points: Float[Array, "n 3"]) -> Float[Array, "n features"]:
        """The features of all levels side by side, coarsest first."""
        encoded = [
            jnp.where(
                level < self.active_levels,
                _look_up(params["tables"][level], points, self.resolution(level)),
                0.0,
            )
            for level in range(self.levels)
        ]
        return jnp.concatenate(encoded, axis=-1)

    def values(self, params: Any, points: Float[Array, "n 3"]) -> Float[Array, "n 4"]:
        """See the class."""
        return apply_network(params["network"], self.encode(params, points))


def _look_up(
    table: Float[Array, "rows features"], points: Float[Array, "n 3"], resolution: int
) -> Float[Array, "n features"]:
    vertices, weights = corners(points, resolution + 1)
    rows = table_rows(vertices.astype(jnp.uint32), resolution, table.shape[0])
    values = table.at[rows].get(mode="promise_in_bounds")
    return jnp.sum(weights[..., None] * values, axis=0)


def table_rows(vertices: UInt32[Array, "*n 3"], resolution: int, size: int) -> UInt32[Array, "*n"]:
    """The row of each vertex in a table of `size` rows (a power of two)."""
    x, y, z = (vertices[..., axis] for axis in range(3))
    side = resolution + 1
    if side**3 <= size:
        return x + y * side + z * side * side
    hashed = x ^ (y * jnp.uint32(PRIMES[1])) ^ (z * jnp.uint32(PRIMES[2]))
    return hashed & jnp.uint32(size - 1)


def _in_parts(value: tuple[int, int, int], steps: int) -> tuple[int, float, float]:
    level, start, every = value
    return level, start / steps, every / steps


FIELD = FieldKind(
    "hash_grid",
    gridless(HashGrid),
    fields_of(
        HashGrid,
        **BLOB_AND_CUBE,
        levels=whole(at_least=1).says("of resolution"),
        log2_table_size=whole(at_least=4, at_most=24).says("logarithm of the rows of a level"),
        progressive=optional(
            dataclasses.replace(several(whole(at_least=1), count=3), read=_in_parts)
        ).says("(levels at first, step of the next one, steps between them); None: all"),
    ),
)
