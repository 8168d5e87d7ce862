"""How much memory what a configuration asks for takes at least, before anything is computed.

These are lower bounds, of the largest arrays only: what is refused would not have fitted, what is
let through may still be too large, for instance through a network's activations.  The bytes of
each thing are counted in `sdjax.runs.bytes_of_run`; here stands which field makes it so large.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from sdjax.config.errors import UserError
from sdjax.runs.bytes_of_run import FLOAT, Bytes, bytes_of_training, of_renderings
from sdjax.runs.mapping import chosen_mapping
from sdjax.runs.placement import usable_devices
from sdjax.runs.stages import Stage, highest_resolution, stages
from sdjax.scene import SCENES
from sdjax.scene.reference_losses import REFERENCE_LOSSES

GIB = 2**30
SENSIBLE = 8  # pixels, vertices, seeds: as few would be no use


class Need(NamedTuple):
    """Something large: what it is, the field that makes it so, and how."""

    what: str
    field: str
    value: int  # of the field
    power: int  # with which the size grows with the field
    size: int  # bytes


def check_memory(*phases: Sequence[Need], limit: int | None = None, seeds: int = 1) -> None:
    """Raises a UserError where what is needed at the same time is more than `limit` bytes (None:
    `memory()`): the largest need, its size, the limit and a value that would fit.

    Args:
        phases: what is needed in one after the other.
        limit: bytes.
        seeds: their number, which is named where no sensible value of the field would do.
    """
    limit = memory() if limit is None else limit
    needs = max(phases, key=_total)
    if (total := _total(needs)) <= limit:
        return
    worst = max(needs, key=lambda need: need.size)
    fits = _fitting(worst, max(limit - (total - worst.size), limit // 10))
    if fits < SENSIBLE and seeds > SENSIBLE:
        worst = worst._replace(field="config.seeds", value=seeds, power=1)
        fits = _fitting(worst, limit // 2)
    raise UserError(
        f"{worst.field} is {worst.value}, with which {worst.what} take {worst.size / GIB:.3g} GiB "
        f"at least, expected at most {limit / GIB:.3g} GiB in all, the memory there is; {fits} may "
        "fit."
    )


def _total(needs: Sequence[Need]) -> int:
    return sum(need.size for need in needs)


def _fitting(need: Need, room: int) -> int:
    """The value of its field with which it takes no more than `room`."""
    return max(1, int(need.value * (room / need.size) ** (1 / need.power)))


def memory() -> int:
    """Bytes of all devices together; on CPUs those of the machine or of the container."""
    device = jax.local_devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"] * jax.device_count()
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_of_containers()]) * jax.process_count()


def phases_of_training(config: Any) -> list[list[Need]]:
    """Those of a run: a step of the particles that are trained at once and its log, the views of
    the report, films and meshes, each beside the particles and the prior."""
    size, seeds = highest_resolution(config), config.seeds
    views = of_pictures(
        "the report's views", "config.report.views", config.report.views, size, times=seeds
    )
    log = Need("the log of a chunk", "config.run.chunk", *_log(config))
    kept = _of_prior(config, size) + _of_particles(config, bytes_of_training(config))
    if SCENES[config.scene.name].is_flat:
        return [[*kept, log], [*kept, views]]
    report = [[*kept, *phase] for phase in phases_of_report(config, seeds)]
    return [[*kept, _of_step(config), log], [*kept, views], *report]


def phases_of_report(
    config: Any,
    films: int,
    film: str = "config.report.turntable_resolution",
    mesh: str = "config.report.mesh_resolution",
) -> list[list[Need]]:
    """Those of so many films at once, and of a mesh; `film` and `mesh` are what their resolutions
    are called."""
    report = config.report
    size, points = report.turntable_resolution, report.mesh_resolution
    pixels = films * report.frames * 3 * FLOAT
    return [
        [Need("the turntables", film, size, 2, size**2 * pixels)],
        [Need("the mesh's grid of points", mesh, points, 3, points**3 * 4 * FLOAT)],
    ]


def needs_of_samples(config: Any) -> list[Need]:
    """Those of `sdjax sample`."""
    views = config.seeds * len(config.camera.azimuths)
    return [
        of_pictures(
            "the samples", "config.seeds", views, config.resolution, "config.resolution", times=2
        )
    ]


def _of_step(config: Any) -> Need:
    """The renderings of the stage whose are largest."""
    at_once = _particles_at_once(config)

    def need(field: str, stage: Stage) -> Need:
        taken = at_once * of_renderings(config, stage)
        what = "the renderings of a step"
        return Need(what, f"config.stages.{field}", stage.resolution, 2, taken)

    needs = [need("resolution", stage) for stage in stages(config)]
    if any(config.losses[name] for name in REFERENCE_LOSSES):
        beside = [one._replace(resolution=one.reference_resolution) for one in stages(config)]
        needs += [need("reference_resolution", one._replace(views=1)) for one in beside]
    return max(needs, key=lambda need: need.size)


def _of_particles(config: Any, each: Bytes) -> list[Need]:
    """What all keep between steps, where each keeps `each`: themselves, and what their rule keeps
    of every bin of views."""
    seeds, size, rule = config.seeds, highest_resolution(config), config.rule
    own, bins = seeds * (each.params + each.moments), seeds * each.rule_state
    needs = [Need("the particles", "config.seeds", seeds, 1, own)]
    if config.scene.name == "dense_grid":
        edge = max(config.stages.grid)
        needs = [Need("the particles' grids", "config.stages.grid", edge, 3, own)]
    elif SCENES[config.scene.name].is_flat and seeds <= size:
        needs = [Need("the particles", "config.stages.resolution", size, 2, own)]
    kept = next((name for name in ("keep_bins", "ode_bins") if rule.get(name)), None)
    if kept is not None:
        needs.append(Need("kept predictions", f"config.rule.{kept}", rule[kept], 1, bins))
    return needs


def _of_prior(config: Any, size: int) -> list[Need]:
    """The embedded prior's pictures of its objects, one at least, which are drawn in float32."""
    cameras = config.prior.get("cameras")
    if cameras is None:
        return []
    return [of_pictures("the prior's objects", "config.prior.cameras", cameras, size)]


def of_pictures(
    what: str,
    field: str,
    number: int,
    size: int,
    size_field: str = "config.stages.resolution",
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
