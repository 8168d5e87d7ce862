"""The first surface that each ray meets: first depths and faces of all solids, then normal
and colour of the nearest face alone."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.objects.faces import FACES, Faces, face_table, first_rows
from sdjax.objects.intersection import (
    Crossing,
    Directions,
    Origin,
    enter_polyhedron,
    enter_round,
    enter_torus,
    enter_vessel,
)
from sdjax.objects.solids import Model, Torus


class Hit(NamedTuple):
    """The first intersection of each ray; depth is infinite where there is none."""

    depth: Float[Array, "rays"]
    normal: Float[Array, "3 rays"]  # unit, outwards
    colour: Float[Array, "3 rays"]  # albedo


def first_hit(model: Model, origin: Origin, directions: Directions) -> Hit:
    """The nearest intersection of each ray with any solid of the model."""
    depth, row = nearest_face(model, origin, directions)
    finite = jnp.where(jnp.isfinite(depth), depth, 0.0)
    point = [o + finite * d for o, d in zip(origin, directions, strict=True)]
    table = face_table(model)
    return Hit(depth, _normal(model, table, row, point), table.colour[row].T)


def _normal(model: Model, table: Faces, row, point) -> Float[Array, "3 rays"]:
    linear, constant = table.linear.reshape(-1, 9)[row].T, table.constant[row].T
    gradient = jnp.stack(
        [sum(linear[3 * i + j] * point[j] for j in range(3)) + constant[i] for i in range(3)]
    )
    correct = partial(_subtract_ring, model.tori, row - first_rows(model)[3], point)
    gradient = jax.lax.fori_loop(0, model.counts[3], correct, gradient)
    length = jnp.sqrt(jnp.sum(gradient * gradient, axis=0, keepdims=True))
    return gradient / jnp.maximum(length, 1e-12)


def nearest_face(
    model: Model, origin: Origin, directions: Directions
) -> tuple[Float[Array, "rays"], Int[Array, "rays"]]:
    """Depth of the nearest face and its row of `face_table`."""
    number = directions.shape[1]
    nearest = Crossing(jnp.full(number, jnp.inf), jnp.zeros(number, jnp.int32))
    kinds = (enter_polyhedron, enter_round, enter_vessel, enter_torus)
    for kind, enter in enumerate(kinds):
        enter = partial(enter, origin=origin, directions=directions)
        step = partial(_keep_nearest, model[kind], enter, first_rows(model)[kind], FACES[kind])
        nearest = jax.lax.fori_loop(0, model.counts[kind], step, nearest)
    return nearest


def _keep_nearest(solids, enter: Callable, first: int, faces: int, index, nearest: Crossing):
    new = enter(jax.tree.map(lambda array: array[index], solids))
    nearer = new.depth < nearest.depth
    return Crossing(
        jnp.where(nearer, new.depth, nearest.depth),
        jnp.where(nearer, first + faces * index + new.face, nearest.face),
    )


def _subtract_ring(tori: Torus, number, point, index, gradient):
    """The gradient on the tube of torus `index` points away from the nearest point of its ring."""
    torus = jax.tree.map(lambda array: array[index], tori)
    x, y = (
        sum(torus.to_local[row, i] * (point[i] - torus.centre[i]) for i in range(3))
        for row in (0, 1)
    )
    per_radius = jax.lax.rsqrt(jnp.maximum(x * x + y * y, 1e-12))
    ring = jnp.stack(
        [per_radius * (torus.to_local[0, i] * x + torus.to_local[1, i] * y) for i in range(3)]
    )
    return jnp.where((number == FACES[3] * index)[None], gradient - ring, gradient)
