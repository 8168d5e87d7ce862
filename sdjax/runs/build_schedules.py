"""What a config says about the course of a run: scalars that change, timesteps, noise, gradient."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from ml_collections import ConfigDict

from sdjax.diffusion import annealing, pace, ramps
from sdjax.diffusion.annealing import Annealing
from sdjax.diffusion.ramps import Ramp
from sdjax.rules import noise
from sdjax.rules.noise import NoiseFunction
from sdjax.rules.noise.surface_noise import Maps, surface
from sdjax.rules.rescaling import Rescaling, clip, normalise

PACES = {
    "linear": pace.steady,
    "sqrt": pace.square_root,
    "cosine": pace.cosine,
    "dreamtime": pace.dreamtime(),
}


def total_steps(config: ConfigDict) -> int:
    """Of all stages."""
    return sum(config.stages.steps)


def make_ramp(value: Any, steps: int) -> float | Ramp:
    """A number as it is; (first step, first value, last value, last step) of a run of `steps`
    as a function of progress."""
    if not isinstance(value, tuple):
        return value
    if len(value) == 1:
        return value[0]
    first_step, first, last, last_step = value
    return ramps.ramp(first, last, last_step / steps, begin=first_step / steps)


def make_annealing(config: ConfigDict) -> Annealing:
    """The timestep as a function of progress."""
    table, steps = config.annealing, total_steps(config)
    if table.name == "piecewise":
        pieces = pace.piecewise([at / steps for at in table.steps], [1.0 - t for t in table.t])
        return annealing.annealed(pieces, 1.0, 0.0, rounding=jnp.round)  # as CFD's code has it
    t_max, t_min = make_ramp(table.t_max, steps), make_ramp(table.t_min, steps)
    if table.name == "uniform":
        return annealing.uniform(t_min, t_max)
    return annealing.annealed(PACES[table.name], t_max, t_min)


def make_noise(config: ConfigDict) -> NoiseFunction:
    """The noise function of a rule that draws noise."""
    table = config.noise
    gamma, maps = make_ramp(table.gamma, total_steps(config)), Maps(table.map_texels)
    makers: dict[str, Callable[[], NoiseFunction]] = {
        "gaussian": noise.gaussian,
        "offset": noise.offset_gaussian,
        "fixed": lambda: noise.fixed(gamma),
        "world_map": lambda: noise.world_map(table.theta, table.beta, gamma=gamma),
        "surface": lambda: surface(config.scene.radius, maps, table.beta, gamma=gamma),
    }
    return makers[table.name]()


def make_rescalings(config: ConfigDict) -> list[Rescaling]:
    """What is done to the rule's gradient: first clipped, then normalised."""
    table = config.gradient
    clips = [] if table.clip is None else [clip(make_ramp(table.clip, total_steps(config)))]
    return clips + [normalise()] * table.normalise
