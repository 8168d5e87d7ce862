"""The faces of an object in one table, from which normal and colour of a hit are looked up.

Faces are planes and quadrics, so the outward gradient is linear in the point:
`linear @ p + constant`.  Of a torus that is only the part that does not depend on the nearest
point of its ring.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.objects.solids import Model, Polyhedron, Round, Torus, Vessel


class Faces(NamedTuple):
    """One row per face, in the order of `Model` and of the numbers below."""

    linear: Float[Array, "*solids faces 3 3"]
    constant: Float[Array, "*solids faces 3"]
    colour: Float[Array, "*solids faces 3"]


# Faces per polyhedron, round (side, low and high end), vessel (outer, inner), torus (tube, cut).
FACES = (6, 3, 6, 2)


def face_table(model: Model) -> Faces:
    """All faces of all solids of one object; solid i of a kind has the rows
    `first_rows(model)[kind] + FACES[kind] * i` and those following."""
    kinds: tuple[Callable, ...] = (_of_polyhedron, _of_round, _of_vessel, _of_torus)
    tables = [jax.vmap(kind)(solids) for kind, solids in zip(kinds, model[:4], strict=True)]
    flat = [jax.tree.map(lambda rows: rows.reshape(-1, *rows.shape[2:]), table) for table in tables]
    return _concatenate(flat)


def first_rows(model: Model) -> tuple[int, ...]:
    """The row of the first face of each kind of solid."""
    starts = [0]
    for solids, faces in zip(model[:4], FACES, strict=True):
        starts.append(starts[-1] + faces * len(jax.tree.leaves(solids)[0]))
    return tuple(starts[:-1])


def _concatenate(tables: list[Faces]) -> Faces:
    return jax.tree.map(lambda *rows: jnp.concatenate(rows), *tables)


def _of_polyhedron(solid: Polyhedron) -> Faces:
    return Faces(jnp.zeros((6, 3, 3)), solid.normals, jnp.tile(solid.colour[None], (6, 1)))


def _of_round(solid: Round) -> Faces:
    """Half the gradient of `x² + y² - (a + b z + c z²)`, and minus or plus the axis."""
    _, b, c = solid.profile
    transpose, axis = solid.to_local.T, solid.to_local[2]
    square = transpose @ (jnp.stack([jnp.ones(()), jnp.ones(()), -c])[:, None] * solid.to_local)
    side = -square @ solid.centre - 0.5 * b * axis
    linear = jnp.stack([square, jnp.zeros((3, 3)), jnp.zeros((3, 3))])
    return Faces(linear, jnp.stack([side, -axis, axis]), jnp.tile(solid.colour[None], (3, 1)))


def _of_vessel(solid: Vessel) -> Faces:
    linear, constant, colour = _of_round(solid.inner)
    return _concatenate([_of_round(solid.outer), Faces(-linear, -constant, colour)])


def _of_torus(solid: Torus) -> Faces:
    square = solid.to_local.T @ solid.to_local
    constant = jnp.stack([-square @ solid.centre, -solid.to_local[0]])
    linear = jnp.stack([square, jnp.zeros((3, 3))])
    return Faces(linear, constant, jnp.tile(solid.colour[None], (2, 1)))
