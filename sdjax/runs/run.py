"""What a run is: its config, its prior and where its particles lie."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from sdjax.priors.prior import Prior
from sdjax.runs.build import make_prior
from sdjax.runs.mapping import each_particle
from sdjax.runs.placement import Placement, make_placement, usable_devices
from sdjax.runs.population import Population
from sdjax.runs.stages import Stage, stages


class Run(NamedTuple):
    """What stays the same from the first step to the last picture."""

    config: ConfigDict
    prior: Prior | None  # at the highest resolution; None where particles are only shown
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
        return jax.device_put(np.int32(self.config.first_seed))

    def mapped(self, function: Callable, shared: int) -> Callable:
        """`over_particles` as the config has it, for arguments from anywhere; the result lies on
        the devices, with copies."""
        placement = self.placement
        compiled = each_particle(function, placement, mapping=self.config.run.mapping)

        def run(*arguments):
            *own, last = placement.spread(arguments[shared:])
            return compiled(placement.place(arguments[:shared]), tuple(own), last)

        return run


def open_run(config: ConfigDict) -> Run:
    """Build what the config describes; raises `ValueError` for what cannot be built."""
    shards = config.run.weight_shards
    devices = usable_devices(config.seeds, config.run.devices, shards)
    placement = make_placement(config.seeds, devices, shards)
    prior = make_prior(config)
    conditioning = placement.place(prior.condition(config.prompt))
    seeds = jax.device_put(np.int32(config.first_seed + np.arange(config.seeds)))
    prior = placement.place_weights(prior)
    return Run(config, prior, conditioning, seeds, stages(config), placement)


def trimmed(run: Run, population: Population) -> Population:
    """Without copies."""
    particles = run.placement.trimmed(population.particles)
    return Population(*particles, population.shared)
