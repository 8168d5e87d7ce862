"""Many particles: one function of one particle, run for all of them on all devices.

Particles have one leading axis.  `vmap` or `lax.map` runs those of a device, `shard_map` the
devices (`jax.pmap` is the same since JAX 0.8: an older name for `jit` of `shard_map`).
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import PartitionSpec

from sdjax.runs.placement import PARTICLES, WEIGHTS, Placement, make_placement, usable_devices

__all__ = ["over_particles", "over_placed_particles", "usable_devices"]
OWN = PartitionSpec(PARTICLES)


def over_particles(
    function: Callable[..., Any], shared: int, *, devices: int = 1, mapping: str = "map"
) -> Callable[..., Any]:
    """`function(*shared arguments, *particle's arguments)` for all particles, compiled.

    The first `shared` arguments are the same for all particles; the others and the result have a
    leading axis of particles.  `mapping`: see `chosen_mapping`.
    """
    placement = make_placement(0, devices)
    placed = over_placed_particles(function, shared, placement, mapping=mapping)

    def run(*arguments):
        here = placement._replace(particles=len(jax.tree.leaves(arguments[shared:])[0]))
        own = here.spread(arguments[shared:])
        return here.trimmed(placed(*here.place(arguments[:shared]), *own))

    return run


def chosen_mapping(mapping: str) -> str:
    """What is meant by "map" (one particle of a device after the other, best where one fills the
    device, as on CPUs), "vmap" (all in one batch) or "auto" (the former on CPUs, else the latter).
    """
    if mapping != "auto":
        return mapping
    return "map" if jax.default_backend() == "cpu" else "vmap"


def over_placed_particles(
    function: Callable[..., Any],
    shared: int,
    placement: Placement,
    *,
    mapping: str = "map",
    donate: bool = False,
) -> Callable[..., Any]:
    """`over_particles` for arguments that lie where `placement` has them, copies included; so does
    the result.

    With `donate` the last argument's memory becomes the result's, and its arrays are gone.
    """

    in_turn = chosen_mapping(mapping) == "map"

    def on_device(common, own, last):
        one = lambda own: function(*common, *own)  # noqa: E731
        return jax.lax.map(one, (*own, last)) if in_turn else jax.vmap(one)((*own, last))

    run = on_all_devices(on_device, placement, (PartitionSpec(), OWN, OWN), OWN, donate)
    return lambda *arguments: run(arguments[:shared], arguments[shared:-1], arguments[-1])


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
    donated = (len(in_specs) - 1,) if donate else ()
    mesh = placement.mesh
    if mesh.size == 1:
        return jax.jit(on_device, donate_argnums=donated)
    by_hand = {PARTICLES} if mesh.shape[WEIGHTS] > 1 else {PARTICLES, WEIGHTS}
    spread = jax.shard_map(
        on_device,
        mesh=mesh,
        in_specs=in_specs,
        out_specs=out_specs,
        axis_names=by_hand,
        check_vma=False,
    )
    return jax.jit(spread, donate_argnums=donated)
