"""Where a run's arrays lie: particles and weights on a mesh of devices, in one process or several.

The mesh has two axes.  Along "particles" each device has some of the particles; along "weights",
which is 1 long unless asked for, each holds a part of the prior's weights.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sdjax.config.errors import UserError
from sdjax.config.fields import whole

PARTICLES, WEIGHTS = "particles", "weights"


PLACEMENT = {
    "devices": whole(at_least=0).of(0, "how many; 0: as many as the particles reach"),
    "weight_shards": whole(at_least=1).of(1, "parts into which the prior's weights are cut"),
}


class Placement(NamedTuple):
    """The particles of a run on a mesh.

    An array of all particles has one row each; where they are too few, the last row is repeated
    until every device has as many ("rows" below counts the copies).
    """

    mesh: Mesh
    particles: int

    @property
    def rows(self) -> int:
        """Particles and copies."""
        return self.particles + -self.particles % self.mesh.shape[PARTICLES]

    @property
    def weights(self) -> jax.Array:
        """float32 [rows] over the devices: 1 for a particle, 0 for a copy."""
        return self.spread((np.arange(self.rows) < self.particles).astype(np.float32))

    def place(self, tree: Any) -> Any:
        """Arrays that all devices need whole; what is on the mesh already stays as it is."""
        return jax.tree.map(lambda leaf: self._put(leaf, PartitionSpec()), tree)

    def place_weights(self, tree: Any) -> Any:
        """Arrays of which each device keeps a part (see `weights_spec`)."""
        shards = self.mesh.shape[WEIGHTS]
        return jax.tree.map(lambda leaf: self._put(leaf, weights_spec(leaf.shape, shards)), tree)

    def spread(self, tree: Any) -> Any:
        """Leaves [particles, ...] as [rows, ...] over the devices."""
        spec = PartitionSpec(PARTICLES)
        return jax.tree.map(lambda leaf: self._put(self._filled_up(leaf), spec), tree)

    def trimmed(self, tree: Any) -> Any:
        """Leaves [rows, ...] as [particles, ...]: where there are copies, on every host."""
        return tree if self.rows == self.particles else self.gathered(tree)

    def gathered(self, tree: Any) -> Any:
        """Leaves [rows, ...] as [particles, ...] on every host; all processes have to call it."""
        return jax.tree.map(lambda leaf: _whole(leaf)[: self.particles], tree)

    def own(self, tree: Any) -> Any:
        """Leaves [rows, ...] as [own, ...] on the host: the particles `own_indices`."""
        rows = self.own_indices
        return jax.tree.map(lambda leaf: _local_rows(leaf, rows), tree)

    @property
    def own_indices(self) -> list[int]:
        """The particles on this process's devices, copies left out: what it has to write."""
        per_device = self.rows // self.mesh.shape[PARTICLES]
        here = [
            i
            for i, devices in enumerate(self.mesh.devices)
            if devices[0].process_index == jax.process_index()
        ]
        rows = [i * per_device + k for i in here for k in range(per_device)]
        return [row for row in rows if row < self.particles]

    def _put(self, leaf: Any, spec: PartitionSpec) -> jax.Array:
        if isinstance(leaf, jax.core.Tracer):
            return leaf  # it lies where the argument does that it stands for
        sharding = getattr(leaf, "sharding", None)
        if isinstance(sharding, NamedSharding) and sharding.mesh == self.mesh:
            return leaf
        sharding = NamedSharding(self.mesh, spec)
        if sharding.is_fully_addressable:
            return jax.device_put(leaf, sharding)
        host = np.asarray(leaf)  # every process has the same
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    def _filled_up(self, leaf: Any) -> Any:
        copies = self.rows - leaf.shape[0]
        if not copies:
            return leaf
        together = jnp if isinstance(leaf, jax.Array) else np
        return together.concatenate([leaf, together.repeat(leaf[-1:], copies, axis=0)])


def local_placement(particles: int) -> Placement:
    """On one device of this process, which then can do without the others."""
    mesh = Mesh(np.reshape(jax.local_devices()[:1], (1, 1)), (PARTICLES, WEIGHTS))
    return Placement(mesh, particles)


def make_placement(particles: int, devices: int = 1, weight_shards: int = 1) -> Placement:
    """On the first devices, those of one process beside each other."""
    chosen = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))[:devices]
    mesh = Mesh(np.reshape(chosen, (-1, weight_shards)), (PARTICLES, WEIGHTS))
    return Placement(mesh, particles)


def weights_spec(shape: tuple[int, ...], shards: int) -> PartitionSpec:
    """A leaf is cut along its longest axis that `shards` divides, of equals the last.

    Leaves of one axis (biases, scales of norms, tables of a schedule) stay whole: they are few
    bytes, and are read everywhere.
    """
    axes = [axis for axis, size in enumerate(shape) if size % shards == 0]
    if shards == 1 or len(shape) < 2 or not axes:
        return PartitionSpec()
    longest = max(axes, key=lambda axis: (shape[axis], axis))
    return PartitionSpec(*(WEIGHTS if axis == longest else None for axis in range(len(shape))))


def usable_devices(particles: int, devices: int, weight_shards: int = 1) -> int:
    """The number of devices to use: `devices`, or with 0 as many as the particles reach.

    With `weight_shards` each particle takes that many.  With 0 a lone particle takes two places,
    if there are: XLA compiles the program of several devices a little differently from that of
    one (differences grow to 5e-4 in 300 steps), and a seed should give the same particle alone and
    beside others.  Several processes use all their devices, so that each has its part.

    Raises a UserError if there are fewer than `devices`, or they cannot be shared out.
    """
    present, own = jax.device_count(), jax.local_device_count()
    if devices > present:
        raise UserError(f"{devices} devices were asked for, but there are {present}.")
    if own % weight_shards:
        raise UserError(
            f"The weights were to be cut into {weight_shards}, expected a divisor of the {own} "
            "devices of a process."
        )
    if devices % weight_shards:
        raise UserError(
            f"{devices} devices were asked for, expected a multiple of the {weight_shards} parts "
            "of the weights."
        )
    if jax.process_count() > 1:
        if devices not in (0, present):
            raise UserError(
                f"{devices} devices were asked for, expected 0 or {present}: several processes "
                "use all that they have."
            )
        return present
    return devices or weight_shards * min(present // weight_shards, max(2, particles))


def _whole(leaf: Any) -> np.ndarray:
    if isinstance(leaf, jax.Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated):
        from jax.experimental import multihost_utils

        leaf = multihost_utils.process_allgather(leaf, tiled=True)
    return np.asarray(leaf)


def _local_rows(leaf: Any, rows: list[int]) -> np.ndarray:
    if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
        return np.asarray(leaf)[rows]
    parts = {part.index[0].start or 0: part.data for part in leaf.addressable_shards}
    return np.concatenate([np.asarray(parts[start]) for start in sorted(parts)])[: len(rows)]
