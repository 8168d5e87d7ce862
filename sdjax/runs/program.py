"""Some steps of all particles as one compiled function."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from sdjax.priors.prior import Prior
from sdjax.rules.shared import SharedRule
from sdjax.runs.mapping import all_particles, each_particle
from sdjax.runs.particle import Recipe
from sdjax.runs.population import Population, train_population
from sdjax.runs.run import Run
from sdjax.runs.step import Log, train_particle


class Program(NamedTuple):
    """Some steps of all particles, compiled; so that nothing stands between the loop and it:

    population, log = results(compiled(*arguments(prior, first step, population)))
    """

    compiled: Callable[..., Any]
    arguments: Callable[[Prior, int, Population], tuple]
    results: Callable[[Any], tuple[Population, Log]]


def program(run: Run, recipe: Recipe, length: int) -> Program:
    """`length` steps; those of a rule that shares something take all particles together."""
    options = {"mapping": run.config.run.mapping, "donate": True}
    placement, seeds = run.placement, run.placement.spread(run.seeds)
    if not isinstance(recipe.make_rule(run.prior), SharedRule):
        train = functools.partial(train_particle, recipe, length)

        def arguments(prior, first, population):
            common = prior, run.conditioning, placement.place(jnp.int32(first))
            return common, (seeds,), population.particles

        def results(result):
            particles, log = result
            return Population(*particles), log

        return Program(each_particle(train, placement, **options), arguments, results)

    train = functools.partial(train_population, recipe, length)
    first_seed, weights = placement.place(run.first_seed), placement.weights

    def arguments(prior, first, population):
        first = placement.place(jnp.int32(first))
        common = prior, run.conditioning, first_seed, first, placement.place(population.shared)
        return common, weights, (seeds,), population.particles

    def results(result):
        (particles, log), shared = result
        return Population(*particles, shared), log

    return Program(all_particles(train, placement, **options), arguments, results)
