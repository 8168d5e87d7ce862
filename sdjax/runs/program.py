"""Some steps of all particles as one compiled function."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sdjax.rules import RULES
from sdjax.runs.mapping import all_particles, each_particle
from sdjax.runs.particle import Recipe
from sdjax.runs.population import Population, train_population
from sdjax.runs.run import Run
from sdjax.runs.several_steps import Span
from sdjax.runs.stages import Stage
from sdjax.runs.step import Log, train_particle


class Program(NamedTuple):
    """Some steps of all particles, compiled; so that nothing stands between the loop and it:

    population, log = results(compiled(*arguments(prior, first step, population)))

    One that `counts` takes as many steps as its last argument says (all that it has by default),
    and the log's other rows are 0.
    """

    compiled: Callable[..., Any]
    arguments: Callable[..., tuple]  # (prior, first step, population, count)
    results: Callable[[Any], tuple[Population, Log]]


def counts_steps(run: Run) -> bool:
    """Whether a program takes any number of steps up to its own, as it does on CPUs, where it is
    compiled for long; elsewhere a loop of a known number needs no look at each step."""
    return run.placement.mesh.devices.flat[0].platform == "cpu"


def program_length(run: Run, stage: Stage, steps: int) -> int:
    """The length of the program that takes `steps` steps of a stage: where it counts them that of
    a whole chunk."""
    return min(run.config.run.chunk, stage.last - stage.first) if counts_steps(run) else steps


def is_shared(run: Run) -> bool:
    """Whether its rule is a `SharedRule`."""
    return RULES[run.config.rule.name].shares_state


def program(run: Run, recipe: Recipe, length: int, counts: bool | None = None) -> Program:
    """`length` steps; those of a rule that shares something take all particles together.  `counts`
    is `counts_steps` by default."""
    counts = counts_steps(run) if counts is None else counts
    options = {"mapping": run.config.run.mapping, "donate": True}
    placement, seeds = run.placement, run.placement.spread(run.seeds)

    def span(first, count):
        count = np.int32(length if count is None else count)
        first = np.int32(first) if isinstance(first, int) else first
        return placement.place(Span(first, count if counts else None))

    if not is_shared(run):
        train = functools.partial(train_particle, recipe, length)

        def arguments(prior, first, population, count=None):
            common = prior, run.conditioning, span(first, count)
            return common, (seeds,), population.particles

        def results(result):
            particles, log = result
            return Population(*particles), log

        return Program(each_particle(train, placement, **options), arguments, results)

    train = functools.partial(train_population, recipe, length)
    first_seed, weights = placement.place(run.first_seed), placement.weights

    def arguments(prior, first, population, count=None):
        shared = placement.place(population.shared)
        common = prior, run.conditioning, first_seed, span(first, count), shared
        return common, weights, (seeds,), population.particles

    def results(result):
        (particles, log), shared = result
        return Population(*particles, shared), log

    return Program(all_particles(train, placement, **options), arguments, results)
