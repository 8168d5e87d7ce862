"""The memory of a training step: planned, as XLA compiles it, and as a device measures it."""

from typing import NamedTuple

import jax
import numpy as np

from sdjax.benchmarks.machine import device_peak
from sdjax.benchmarks.work import planned_memory
from sdjax.runs import build
from sdjax.runs.bytes_of_run import Bytes, bytes_of_training
from sdjax.runs.loop import template
from sdjax.runs.mapping import chosen_mapping
from sdjax.runs.placement import PARTICLES, WEIGHTS
from sdjax.runs.population import Population
from sdjax.runs.program import program
from sdjax.runs.run import Run


class Compared(NamedTuple):
    """Bytes on each device at the peak of a step.

    planned: by `bytes_of_training`, from shapes alone.
    compiled: arguments, results and temporaries of the program, by XLA.
    measured: the most that the device held for this process; None where it does not tell, as CPUs.
    """

    planned: int
    compiled: int | None
    measured: int | None

    def deviation(self, of: str = "compiled") -> float | None:
        """(planned - other) / other; None where the other is not known."""
        other = getattr(self, of)
        return None if other is None else self.planned / other - 1.0


def compared(run: Run, steps: int = 2) -> Compared:
    """Compile `steps` steps of the stage of the highest resolution, and compute them where the
    device tells what it held.  The peak of a process never falls: take a fresh one."""
    stage = max(run.stages, key=lambda stage: stage.resolution)
    recipe = build.make_recipe(run.config, run.prior, stage)
    prior = run.placement.place_weights(run.prior.at_resolution(stage.resolution))
    shapes = template(run, stage.last)
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    population = Population(*run.placement.spread(zeros.particles), zeros.shared)
    some = program(run, recipe, steps)
    arguments = some.arguments(prior, stage.first, population)
    compiled = some.compiled.lower(*arguments).compile()
    planned = planned_peak(run, bytes_of_training(run.config, run.prior, run.conditioning))
    measured = None
    if device_peak() is not None:
        jax.block_until_ready(compiled(*arguments))
        measured = device_peak()
    return Compared(planned, planned_memory(compiled), measured)


def planned_peak(run: Run, counted: Bytes) -> int:
    """Bytes on each device, as the run's particles and weights lie on them."""
    places, shards = (run.placement.mesh.shape[axis] for axis in (PARTICLES, WEIGHTS))
    own = run.placement.rows // places
    at_once = 1 if chosen_mapping(run.config.run.mapping) == "map" else own
    return counted.peak(own, at_once, shards)
