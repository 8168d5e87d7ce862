"""Many particles: one function of one particle, run for all of them on all devices.

Particles have one leading axis [particles] outside and [devices, per device] inside; `vmap` or
`lax.map` runs those of a device, `pmap` the devices.
"""

from collections.abc import Callable
from typing import Any

import jax


def over_particles(
    function: Callable[..., Any], shared: int, *, devices: int = 1, mapping: str = "map"
) -> Callable[..., Any]:
    """`function(*shared arguments, *particle's arguments)` for all particles, compiled.

    The first `shared` arguments are the same for all particles; the others and the result have a
    leading axis of particles, which `devices` must divide.  `mapping` is "map" (one after the
    other: best where one particle fills the device, as on CPUs) or "vmap" (all at once).
    """

    def on_device(common, own):
        one = lambda own: function(*common[:shared], *own)  # noqa: E731
        return jax.lax.map(one, own) if mapping == "map" else jax.vmap(one)(own)

    if devices == 1:
        run = jax.jit(on_device)
        return lambda *arguments: run(arguments[:shared], arguments[shared:])

    parallel = jax.pmap(on_device, in_axes=(None, 0), devices=jax.devices()[:devices])

    def run(*arguments):
        own = jax.tree.map(lambda leaf: _spread(leaf, devices), arguments[shared:])
        common = (*arguments[:shared], 0)  # pmap misreads the axes where an argument has no leaf
        return jax.tree.map(_join, parallel(common, own))

    return run


def _spread(leaf: jax.Array, devices: int) -> jax.Array:
    return leaf.reshape(devices, leaf.shape[0] // devices, *leaf.shape[1:])


def _join(leaf: jax.Array) -> jax.Array:
    return leaf.reshape(-1, *leaf.shape[2:])


def usable_devices(particles: int, devices: int) -> int:
    """The number of devices to use: `devices`, or with 0 the most that divide the particles.

    Raises `ValueError` if there are fewer, or if they do not divide the particles.
    """
    present = jax.device_count()
    if devices == 0:
        return max(n for n in range(1, present + 1) if particles % n == 0)
    if devices > present:
        raise ValueError(f"{devices} devices were asked for, but there are {present}.")
    if particles % devices:
        nearest = max(n for n in range(1, devices) if particles % n == 0)
        raise ValueError(
            f"{particles} particles do not spread evenly over {devices} devices; take {nearest}."
        )
    return devices
