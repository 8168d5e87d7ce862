"""Particles that take their steps together: one function of all of them, on all devices.

As in `sdjax.runs.mapping` each device has some of the particles; here it may also ask for the
mean over all of them, or for all of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float

from sdjax.runs.mapping import OWN, chosen_mapping, on_all_devices
from sdjax.runs.placement import PARTICLES, Placement


class Crowd(NamedTuple):
    """All particles of a run as one device sees them."""

    weights: Float[Array, "own"]  # of its own ones: 1, or 0 for a copy that fills up the device
    mapping: str  # "map" or "vmap", see `chosen_mapping`
    axis: str | None  # of the devices, where there are several

    def each(self, function: Callable[..., Any], *own: Any) -> Any:
        """`function(*one particle's arguments)` of each particle of this device."""
        one = lambda arguments: function(*arguments)  # noqa: E731
        return jax.lax.map(one, own) if self.mapping == "map" else jax.vmap(one)(own)

    def each_and_mean(self, function: Callable[..., Any], *own: Any) -> tuple[Any, Any]:
        """`function` returns a result and a value, a tree: the results of this device's particles
        and the mean of the value over all particles of all devices.

        One after the other, only the sum of the values is kept, not each of them.
        """
        if self.mapping == "vmap":
            results, values = jax.vmap(function)(*own)
            total = jax.tree.map(partial(_weighted_sum, self.weights), values)
        else:
            results, total = self._one_by_one(function, own)
        count = jnp.sum(self.weights)
        if self.axis is not None:
            total, count = jax.lax.psum((total, count), self.axis)
        return results, jax.tree.map(lambda leaf: leaf / count.astype(leaf.dtype), total)

    def _one_by_one(self, function: Callable[..., Any], own: tuple) -> tuple[Any, Any]:
        first = jax.tree.map(lambda leaf: leaf[0], own)
        _, shapes = jax.eval_shape(function, *first)
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

        def body(total, own):
            weight, arguments = own
            result, value = function(*arguments)
            add = lambda sum_, leaf: sum_ + weight.astype(leaf.dtype) * leaf  # noqa: E731
            return jax.tree.map(add, total, value), result

        total, results = jax.lax.scan(body, zeros, (self.weights, own))
        return results, total

    def gather(self, own: Any) -> Any:
        """The leaves [own, ...] of all devices as [particles, ...], copies included."""
        if self.axis is None:
            return own
        return jax.tree.map(lambda leaf: jax.lax.all_gather(leaf, self.axis, tiled=True), own)


def over_crowd(
    function: Callable[..., Any],
    common: int,
    placement: Placement,
    *,
    mapping: str = "map",
    donate: bool = False,
) -> Callable[..., Any]:
    """`function(crowd, *common arguments, *particles' arguments)`, compiled for all devices.

    The first `common` arguments are the same for all particles, the others have a leading axis of
    particles, of which the function sees its device's own; all lie where `placement` has them.  It
    returns two trees: one with that leading axis, and one that is the same for all.

    With `donate` the last argument's memory becomes the first tree's, and its arrays are gone.
    """
    axis, mapping = PARTICLES if placement.mesh.size > 1 else None, chosen_mapping(mapping)

    def on_device(shared, weights, own, last):
        return function(Crowd(weights, mapping, axis), *shared, *own, last)

    alike = PartitionSpec()
    run = on_all_devices(on_device, placement, (alike, OWN, OWN, OWN), (OWN, alike), donate)
    counted = (np.arange(placement.rows) < placement.particles).astype(np.float32)
    weights = placement.spread(counted)
    return lambda *arguments: run(arguments[:common], weights, arguments[common:-1], arguments[-1])


def _weighted_sum(weights: jax.Array, leaf: jax.Array) -> jax.Array:
    return jnp.tensordot(weights.astype(leaf.dtype), leaf, axes=1, precision="highest")
