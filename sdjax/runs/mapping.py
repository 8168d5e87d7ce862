"""Many particles: one function of one particle run for each, or one function of all of them.

Particles have one leading axis.  `vmap` or `lax.map` runs those of a device, `shard_map` the
devices (`jax.pmap` is the same since JAX 0.8: an older name for `jit` of `shard_map`).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float

from sdjax.config.fields import one_of
from sdjax.runs.compiler_options import compiler_options
from sdjax.runs.placement import PARTICLES, WEIGHTS, Placement, make_placement

ALIKE, OWN = PartitionSpec(), PartitionSpec(PARTICLES)
MAPPING = {
    "mapping": one_of("auto", "map", "vmap").of(
        "auto", "particles of a device one after the other, or all in one batch"
    )
}


def over_particles(
    function: Callable[..., Any], shared: int, *, devices: int = 1, mapping: str = "map"
) -> Callable[..., Any]:
    """`function(*shared arguments, *particle's arguments)` for all particles, compiled.

    The first `shared` arguments are the same for all particles; the others and the result have a
    leading axis of particles.  `mapping`: see `chosen_mapping`.
    """
    placement = make_placement(0, devices)
    compiled = each_particle(function, placement, mapping=mapping)

    def run(*arguments):
        here = placement._replace(particles=len(jax.tree.leaves(arguments[shared:])[0]))
        *own, last = here.spread(arguments[shared:])
        return here.trimmed(compiled(here.place(arguments[:shared]), tuple(own), last))

    return run


def chosen_mapping(mapping: str) -> str:
    """What is meant by "map" (one particle of a device after the other, best where one fills the
    device, as on CPUs), "vmap" (all in one batch) or "auto" (the former on CPUs, else the latter).
    """
    if mapping != "auto":
        return mapping
    return "map" if jax.default_backend() == "cpu" else "vmap"


def each_particle(
    function: Callable[..., Any],
    placement: Placement,
    *,
    mapping: str = "map",
    donate: bool = False,
) -> Callable[[tuple, tuple, Any], Any]:
    """`function(*common, *own, last)` of each particle, compiled for all devices and called as
    `(common, own, last)`: `common` the same for all particles, `own`, `last` and the result with a
    leading axis of particles, all of them where `placement` has them, copies included.

    With `donate` the function returns what becomes of `last` and anything else; the memory of
    `last` becomes the former's, and its arrays are gone.
    """
    in_turn = chosen_mapping(mapping) == "map"

    def on_device(common, own, last):
        one = lambda own: function(*common, *own)  # noqa: E731
        if not (in_turn and donate):
            return jax.lax.map(one, (*own, last)) if in_turn else jax.vmap(one)((*own, last))

        def in_place(particles, turn):  # no second copy of all particles beside the first
            index, mine = turn
            particle = jax.tree.map(lambda leaf: leaf[index], particles)
            moved, rest = function(*common, *mine, particle)
            put = lambda leaf, value: leaf.at[index].set(value)  # noqa: E731
            return jax.tree.map(put, particles, moved), rest

        turns = jnp.arange(len(jax.tree.leaves(last)[0]))
        return jax.lax.scan(in_place, last, (turns, own))

    return on_all_devices(on_device, placement, (ALIKE, OWN, OWN), OWN, donate)


class DevicePopulation(NamedTuple):
    """All particles of a run as one device sees them."""

    weights: Float[Array, "own"]  # of its own ones: 1, or 0 for a copy that fills up the device
    mapping: str  # "map" or "vmap", see `chosen_mapping`
    axis: str | None  # of the devices, where there are several

    def each(self, function: Callable[..., Any], *own: Any) -> Any:
        """`function(*one particle's arguments)` of each particle of this device."""
        one = lambda arguments: function(*arguments)  # noqa: E731
        return jax.lax.map(one, own) if self.mapping == "map" else jax.vmap(one)(own)

    def each_and_mean(self, function: Callable[..., Any], *own: Any) -> tuple[Any, Any]:
        """`function` returns a result, a value (a tree) and whether the value counts: the results
        of this device's particles and the mean of the value over the particles of all devices
        where it counts, 0 where it does in none.

        One after the other, only the sum of the values is kept, not each of them.
        """
        if self.mapping == "vmap":
            results, values, counts = jax.vmap(function)(*own)
            weights = jnp.where(counts, self.weights, 0.0)
            total = jax.tree.map(partial(_weighted_sum, weights), values)
            count = jnp.sum(weights)
        else:
            results, (total, count) = self._one_by_one(function, own)
        if self.axis is not None:
            total, count = jax.lax.psum((total, count), self.axis)
        count = jnp.maximum(count, 1.0)
        return results, jax.tree.map(lambda leaf: leaf / count.astype(leaf.dtype), total)

    def _one_by_one(self, function: Callable[..., Any], own: tuple) -> tuple[Any, Any]:
        first = jax.tree.map(lambda leaf: leaf[0], own)
        _, shapes, _ = jax.eval_shape(function, *first)
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

        def body(total, own):
            (sum_, count), (weight, arguments) = total, own
            result, value, counts = function(*arguments)
            weight = jnp.where(counts, weight, 0.0)
            add = lambda sum_, leaf: sum_ + _times(weight, leaf)  # noqa: E731
            return (jax.tree.map(add, sum_, value), count + weight), result

        total, results = jax.lax.scan(body, (zeros, jnp.float32(0.0)), (self.weights, own))
        return results, total

    def gather(self, own: Any) -> Any:
        """The leaves [own, ...] of all devices as [particles, ...], copies included."""
        if self.axis is None:
            return own
        return jax.tree.map(lambda leaf: jax.lax.all_gather(leaf, self.axis, tiled=True), own)


def all_particles(
    function: Callable[..., Any],
    placement: Placement,
    *,
    mapping: str = "map",
    donate: bool = False,
) -> Callable[[tuple, jax.Array, tuple, Any], tuple[Any, Any]]:
    """`function(population, *common, *own, last)` with its `DevicePopulation`, compiled for all
    devices and called as `(common, placement.weights, own, last)`; otherwise as `each_particle`.

    It returns two trees: one with the leading axis of particles, whose memory that of `last` may
    become, and one that is the same for all.
    """
    axis, mapping = PARTICLES if placement.mesh.size > 1 else None, chosen_mapping(mapping)

    def on_device(common, weights, own, last):
        return function(DevicePopulation(weights, mapping, axis), *common, *own, last)

    specs = (ALIKE, OWN, OWN, OWN)
    return on_all_devices(on_device, placement, specs, (OWN, ALIKE), donate)


def on_all_devices(
    on_device: Callable[..., Any],
    placement: Placement,
    in_specs: tuple[PartitionSpec, ...],
    out_specs: Any,
    donate: bool = False,
) -> Callable[..., Any]:
    """`on_device(*arguments)` on each device with its part of the particles, compiled.

    Where the weights are cut into parts, XLA divides the work of a particle among the devices that
    hold them.  With `donate` the last argument's memory becomes the result's.
    """
    mesh = placement.mesh
    compiled = partial(
        jax.jit,
        donate_argnums=(len(in_specs) - 1,) if donate else (),
        compiler_options=compiler_options(mesh) or None,
    )
    if mesh.size == 1:
        return compiled(on_device)
    by_hand = {PARTICLES} if mesh.shape[WEIGHTS] > 1 else {PARTICLES, WEIGHTS}
    spread = jax.shard_map(
        on_device,
        mesh=mesh,
        in_specs=in_specs,
        out_specs=out_specs,
        axis_names=by_hand,
        check_vma=False,
    )
    return compiled(spread)


def _times(weight: jax.Array, leaf: jax.Array) -> jax.Array:
    """0 where the weight is, whatever the leaf."""
    return jnp.where(weight == 0.0, 0.0, weight.astype(leaf.dtype) * leaf)


def _weighted_sum(weights: jax.Array, leaf: jax.Array) -> jax.Array:
    counts = weights.reshape(-1, *[1] * (leaf.ndim - 1)) != 0.0
    finite = jnp.where(counts, leaf, 0)
    return jnp.tensordot(weights.astype(leaf.dtype), finite, axes=1, precision="highest")
