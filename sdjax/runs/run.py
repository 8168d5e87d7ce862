"""What a run is: its config, its prior and where its particles lie."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from sdjax.priors.prior import Prior
from sdjax.runs import build
from sdjax.runs.build import Stage
from sdjax.runs.build_prior import make_prior
from sdjax.runs.crowd import over_crowd
from sdjax.runs.mapping import over_placed_particles
from sdjax.runs.placement import Placement, make_placement, usable_devices
from sdjax.runs.population import Population


class Run(NamedTuple):
    """What stays the same from the first step to the last picture."""

    config: ConfigDict
    prior: Prior  # at the highest resolution
    conditioning: Any
    seeds: jax.Array  # int32 [particles]
    stages: list[Stage]
    placement: Placement  # of particles, and of the arrays of `prior`

    @property
    def total_steps(self) -> int:
        """Of all stages."""
        return self.stages[-1].last

    @property
    def first_seed(self) -> jax.Array:
        """From which everything random is derived that belongs to no particle."""
        return jnp.int32(self.config.first_seed)

    def mapped(self, function: Callable, shared: int, *, donate: bool = False) -> Callable:
        """`over_particles` as the config has it; the result lies on the devices, with copies."""
        mapping, placement = self.config.run.mapping, self.placement
        run = over_placed_particles(function, shared, placement, mapping=mapping, donate=donate)
        return _placing(run, shared, placement)

    def together(self, function: Callable, common: int) -> Callable:
        """`over_crowd` as the config has it; it takes the memory of its last argument."""
        mapping, placement = self.config.run.mapping, self.placement
        run = over_crowd(function, common, placement, mapping=mapping, donate=True)
        return _placing(run, common, placement)


def open_run(config: ConfigDict) -> Run:
    """Build what the config describes; raises `ValueError` for what cannot be built."""
    shards = config.run.weight_shards
    devices = usable_devices(config.seeds, config.run.devices, shards)
    placement = make_placement(config.seeds, devices, shards)
    prior = make_prior(config, build.highest_resolution(config))
    conditioning = placement.place(prior.condition(config.prompt))
    seeds = config.first_seed + jnp.arange(config.seeds, dtype=jnp.int32)
    stages = build.stages(config)
    return Run(config, placement.place_weights(prior), conditioning, seeds, stages, placement)


def trimmed(run: Run, population: Population) -> Population:
    """Without copies."""
    particles = run.placement.trimmed(population.particles)
    return Population(*particles, population.shared)


def _placing(run: Callable, shared: int, placement: Placement) -> Callable:
    """`run` for arguments from anywhere; those that lie right are not moved."""
    return lambda *arguments: run(
        *placement.place(arguments[:shared]), *placement.spread(arguments[shared:])
    )
