"""What many particles on one machine cost beside one."""

import functools
import time
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from sdjax.benchmarks.machine import device_peak, peak_of_row
from sdjax.benchmarks.method import Method, Runner, Timing, take_turns
from sdjax.benchmarks.runs import Opened, Opener, fresh_particle, stages_of
from sdjax.benchmarks.section import Deadline, Event, Note, Row, in_time
from sdjax.config.fields import one_of, several, text, whole
from sdjax.runs.mapping import each_particle
from sdjax.runs.particle import Particle, initial_particle
from sdjax.runs.placement import make_placement, usable_devices
from sdjax.runs.several_steps import Span
from sdjax.runs.step import train_particle

TITLE = "Particles"
NOTE = (
    "The ratio is the time of all particles over as many single runs, which take turns with them: "
    "one particle on the same devices, and one on one device, both with mapping 'map'."
)
RUN = (
    "Run '{run}' at {pixels} pixels, {steps} steps in one program from the middle of its first "
    "stage on."
)
ALONE = (1, "map", 1)
Variant = tuple[int, str, int]  # particles, mapping, devices
FIELDS = {
    "run": text().says("the run whose particles are trained"),
    "counts": several(whole(at_least=1)).of((1, 2, 4, 8, 16), "of particles, in this order"),
    "mappings": several(one_of("map", "vmap")).of(("map", "vmap"), "of particles to a device"),
    "devices": several(whole(at_least=0)).of((1,), "how many; 0: as many as the particles reach"),
    "steps": whole(at_least=1).of(4, "in one program"),
}


def measure_particles(
    name: str,
    run: ConfigDict,
    model: str,
    counts: tuple[int, ...],
    variants: list[tuple[str, int]],
    steps: int,
    method: Method,
    deadline: Deadline,
) -> Iterator[Event]:
    """A row for each count with each mapping and number of devices (0: one a particle)."""
    first = next(stages_of({name: run}))
    yield Note(RUN.format(run=name, pixels=first.stage.resolution, steps=steps))
    opened = functools.cache(lambda: Opener(model)(first))
    single = functools.cache(lambda variant: train_runner(opened(), variant, steps))
    method = method._replace(deadline=deadline)

    def row(variant: Variant) -> Row:
        before = device_peak()
        singles = {one: single(one) for one in (ALONE, _single(variant))}
        wanted = singles | {variant: singles.get(variant) or train_runner(opened(), variant, steps)}
        runners = {_name(one): runner for one, runner in wanted.items()}
        timings = dict(zip(wanted, take_turns(runners, method).values(), strict=True))
        return {**_row(variant, steps, timings), **peak_of_row(before)}

    asked = [
        (count, mapping, usable_devices(count, devices))
        for mapping, devices in variants
        for count in counts
    ]
    rows = ((_name(one), functools.partial(row, one)) for one in dict.fromkeys(asked))
    yield from in_time(rows, deadline)


def train_runner(opened: Opened, variant: Variant, steps: int) -> Runner:
    """Trains particles as a run does, each call from where the last one left them, at the same
    steps."""
    count, mapping, devices = variant
    placement = make_placement(count, devices)
    chunk = functools.partial(train_particle, opened.recipe, steps)
    program = each_particle(chunk, placement, mapping=mapping, donate=True)
    first = jnp.int32((opened.stage.first + opened.stage.last - steps) // 2)
    common = placement.place((opened.prior, opened.conditioning, Span(first)))
    seeds = jnp.arange(count, dtype=jnp.int32)
    seeds, particles = placement.spread((seeds, _particles(opened, seeds)))

    def run(calls: int) -> float:
        nonlocal particles
        start = time.perf_counter()
        for _ in range(calls):
            particles, log = program(common, (seeds,), particles)
        jax.block_until_ready((particles, log))
        return time.perf_counter() - start

    return run


def _particles(opened: Opened, seeds: Any) -> Particle:
    """Those of the seeds; what their rule prepares is the same random values for all."""

    def start(prior):
        return jax.vmap(lambda seed: initial_particle(opened.recipe, prior, seed))(seeds)

    state = jax.tree.map(
        lambda leaf: jnp.stack([leaf] * len(seeds)), fresh_particle(opened).rule_state
    )
    return jax.jit(start)(opened.prior)._replace(rule_state=state)


def _row(variant: Variant, steps: int, timings: dict[Variant, Timing]) -> Row:
    count, mapping, devices = variant
    mine, same = timings[variant].median, timings[_single(variant)].median
    return {
        "particles": count,
        "mapping": mapping,
        "devices": devices,
        "ms per particle and step": 1e3 * mine / count / steps,
        "at best, ms": 1e3 * timings[variant].fastest / count / steps,
        "particle steps/s": count * steps / mine,
        "single run, ms per step": 1e3 * same / steps,
        "ratio to single runs": mine / (count * same),
        "ratio to single runs, map, 1 device": mine / (count * timings[ALONE].median),
        "spread, %": timings[variant].spread,
    }


def _single(variant: Variant) -> Variant:
    """What it is beside: a batch of one is no other program than one particle."""
    return 1, "map", variant[2]


def _name(variant: Variant) -> str:
    return "{} by {} on {}".format(*variant)
