"""How much memory what a configuration asks for takes at least, before anything is computed.

These are lower bounds, of the largest arrays only: what is refused would not have fitted, what is
let through may still be too large, for instance through a network's activations.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from sdjax.config.errors import UserError
from sdjax.runs.mapping import chosen_mapping
from sdjax.runs.placement import usable_devices
from sdjax.runs.stages import highest_resolution
from sdjax.scene import SCENES

FLOAT = 4  # bytes
GIB = 2**30
OF_A_SAMPLE = 16 * FLOAT  # position, density, colour and weight, and their gradients
OF_A_RAY = 12 * FLOAT  # origin, direction, bounds, colour, opacity
FEATURES = 2  # of a row of a hash table
SENSIBLE = 8  # pixels, vertices, seeds: as few would be no use
PARTICLE_COPIES = 4  # params, two moments and a gradient


class Need(NamedTuple):
    """Something large: what it is, the field that makes it so, and how."""

    what: str
    field: str
    value: int  # of the field
    power: int  # with which the size grows with the field
    size: int  # bytes


def check_memory(needs: Sequence[Need], limit: int | None = None, *, seeds: int = 1) -> None:
    """Raises a UserError where all together is more than `limit` bytes (None: `memory()`), which
    names the largest, its size, the limit and a value that would fit.  Where no sensible value of
    its own field would, the number of `seeds` is what is too large."""
    limit, total = memory() if limit is None else limit, sum(need.size for need in needs)
    if total <= limit:
        return
    worst = max(needs, key=lambda need: need.size)
    fits = _fitting(worst, max(limit - (total - worst.size), limit // 10))
    if fits < SENSIBLE and seeds > SENSIBLE:
        worst = worst._replace(field="seeds", value=seeds, power=1)
        fits = _fitting(worst, limit // 2)
    raise UserError(
        f"config.{worst.field} is {worst.value}, with which {worst.what} take "
        f"{worst.size / GIB:.3g} GiB at least, expected at most {limit / GIB:.3g} GiB in all, the "
        f"memory there is; {fits} may fit."
    )


def _fitting(need: Need, room: int) -> int:
    """The value of its field with which it takes no more than `room`."""
    return max(1, int(need.value * (room / need.size) ** (1 / need.power)))


def memory() -> int:
    """Bytes of all devices together; on CPUs those of the machine or of the container."""
    devices = jax.devices()
    stats = devices[0].memory_stats() if devices[0].platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"] * len(devices)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_of_containers()])


def needs_of_training(config: Any) -> list[Need]:
    """Those of a run: its particles, a step of those that are trained at once, its log, and what
    the prior and the report keep."""
    size, seeds = highest_resolution(config), config.seeds
    needs = [
        of_pictures("the report's views", "report.views", config.report.views, size, times=seeds),
        Need("the log of a chunk", "run.chunk", *_log(config)),
        *_of_prior(config, size),
    ]
    if SCENES[config.scene.name].is_flat:
        return [
            *needs,
            of_pictures("the particles", "seeds", seeds, size, times=PARTICLE_COPIES),
        ]
    return [*needs, *_of_scene(config), *needs_of_report(config)]


def needs_of_report(config: Any) -> list[Need]:
    """Those of turntables and meshes."""
    report, field = config.report, "report.turntable_resolution"
    pixels = config.seeds * report.frames * 3 * FLOAT
    points, edge = report.mesh_resolution, "report.mesh_resolution"
    return [
        Need("the turntables", field, size := report.turntable_resolution, 2, size**2 * pixels),
        Need("the mesh's grid of points", edge, points, 3, points**3 * 4 * FLOAT),
    ]


def needs_of_samples(config: Any) -> list[Need]:
    """Those of `sdjax sample`."""
    views = config.seeds * len(config.camera.azimuths)
    return [of_pictures("the samples", "seeds", views, config.resolution, "resolution", times=2)]


def _of_scene(config: Any) -> list[Need]:
    stages, at_once = config.stages, config.camera.views * _particles_at_once(config)
    samples = config.scene.samples + config.scene.proposals
    needs = []
    for size in stages.resolution:
        rays = size**2
        seen = rays if config.scene.chunk is None else min(config.scene.chunk, rays)
        step = at_once * (rays * OF_A_RAY + seen * samples * OF_A_SAMPLE)
        needs.append(Need("the renderings of a step", "stages.resolution", size, 2, step))
    return [max(needs, key=lambda need: need.size), *_of_field(config)]


def _of_field(config: Any) -> list[Need]:
    copies, scene = PARTICLE_COPIES * config.seeds * FLOAT, config.scene
    if scene.name == "dense_grid":
        edge = max(config.stages.grid)
        return [Need("the particles' grids", "stages.grid", edge, 3, edge**3 * 4 * copies)]
    if "log2_table_size" in scene:
        rows = scene.levels * FEATURES * 2**scene.log2_table_size
        return [Need("the particles' tables", "seeds", config.seeds, 1, rows * copies)]
    return []


def _of_prior(config: Any, size: int) -> list[Need]:
    """The embedded prior's pictures of its objects, one at least, which are drawn in float32."""
    cameras = config.prior.get("cameras")
    return (
        []
        if cameras is None
        else [of_pictures("the prior's objects", "prior.cameras", cameras, size)]
    )


def of_pictures(
    what: str,
    field: str,
    number: int,
    size: int,
    size_field: str = "stages.resolution",
    *,
    times: int = 1,
    colour: int = FLOAT,
) -> Need:
    """Of so many times the number that a field has, or where that is smaller than they are, of
    pictures of the size that another has; `colour` bytes for each of three."""
    taken = times * number * size**2 * 3 * colour
    if number > size:
        return Need(what, field, number, 1, taken)
    return Need(what, size_field, size, 2, taken)


def _log(config: Any) -> tuple[int, int, int]:
    steps = min(config.run.chunk, max(config.stages.steps))
    return config.run.chunk, 1, steps * config.seeds * 4 * FLOAT


def _particles_at_once(config: Any) -> int:
    """On all devices, whose memory is counted together."""
    run = config.run
    devices = usable_devices(config.seeds, run.devices, run.weight_shards) // run.weight_shards
    each = 1 if chosen_mapping(run.mapping) == "map" else -(-config.seeds // devices)
    return min(config.seeds, devices * each)


def _of_containers() -> list[int]:
    """Limits that the system sets for this group of processes, of both versions of cgroups."""
    files = (
        Path("/sys/fs/cgroup/memory.max"),
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    )
    texts = [file.read_text().strip() for file in files if file.is_file()]
    return [int(text) for text in texts if text.isdecimal()]
