"""Many particles: one function of one particle, run for all of them on all devices.

Particles have one leading axis [particles] outside and [devices, per device] inside; `vmap` or
`lax.map` runs those of a device, `pmap` the devices.  Where particles are too few, the last one is
repeated and its copies are dropped.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def over_particles(
    function: Callable[..., Any], shared: int, *, devices: int = 1, mapping: str = "map"
) -> Callable[..., Any]:
    """`function(*shared arguments, *particle's arguments)` for all particles, compiled.

    The first `shared` arguments are the same for all particles; the others and the result have a
    leading axis of particles.  `mapping` is "map" (one after the
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
        own = jax.tree.map(lambda leaf: spread(leaf, devices), arguments[shared:])
        common = (*arguments[:shared], 0)  # pmap misreads the axes where an argument has no leaf
        particles = len(jax.tree.leaves(arguments[shared:])[0])
        return jax.tree.map(lambda leaf: join(leaf, particles), parallel(common, own))

    return run


def spread(leaf: jax.Array | np.ndarray, devices: int) -> jax.Array | np.ndarray:
    """[particles, ...] as [devices, per device, ...], the last one repeated where they are few."""
    copies = -leaf.shape[0] % devices
    if copies:
        leaf = jnp.concatenate([leaf, jnp.repeat(leaf[-1:], copies, axis=0)])
    return leaf.reshape(devices, leaf.shape[0] // devices, *leaf.shape[1:])


def join(leaf: jax.Array, particles: int) -> jax.Array | np.ndarray:
    """The way back."""
    joined = leaf.reshape(-1, *leaf.shape[2:])
    if len(joined) == particles:
        return joined
    return np.asarray(joined)[:particles]  # a slice on devices could not be spread again


def usable_devices(particles: int, devices: int) -> int:
    """The number of devices to use: `devices`, or with 0 one per particle as far as they reach.

    With 0 a lone particle takes two devices, if there are: XLA compiles the program of several
    devices a little differently from that of one (differences grow to 5e-4 in 300 steps), and a
    seed should give the same particle alone and beside others.

    Raises `ValueError` if there are fewer than `devices`.
    """
    present = jax.device_count()
    if devices > present:
        raise ValueError(f"{devices} devices were asked for, but there are {present}.")
    return devices or min(present, max(2, particles))
