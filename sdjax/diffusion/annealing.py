"""Which timestep a training step uses: a function of its progress through the run.

An annealing maps `(key, progress)`, progress = step / total steps in [0, 1], to one int32
timestep.  Bounds are fractions of the T timesteps, numbers or ramps (`sdjax.diffusion.ramps`);
fractions of a timestep are cut off, as most official code bases do.  In float32 a whole timestep
may so become the one below, and codes that compute in double precision have such cases of their
own: `uniform` knows their bounds exactly.
"""

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.config.fields import Field, fields_of, flag, fraction, several, whole
from sdjax.config.kinds import Kind, Table, kinds, made
from sdjax.config.tables import Choice, complete
from sdjax.diffusion import pace
from sdjax.diffusion.pace import Pace
from sdjax.diffusion.ramps import Ramp, StepRamp, needed, ramped, value_at

Annealing = Callable[[jax.Array, Float[Array, ""]], Int[Array, ""]]
Rounding = Callable[[Float[Array, ""]], Float[Array, ""]]


def annealed(
    pace: Pace,
    t_max: float | Ramp = 0.98,
    t_min: float | Ramp = 0.02,
    num_timesteps: int = 1000,
    *,
    rounding: Rounding = jnp.floor,
) -> Annealing:
    """t = T (t_max - (t_max - t_min) pace); `rounding` jnp.round is that of CFD's code."""

    def annealing(key, progress):
        high, low = value_at(t_max, progress), value_at(t_min, progress)
        part = (high - low) * (1.0 - pace(key, needed(progress))) + low
        return rounding(num_timesteps * part).astype(jnp.int32)

    return annealing


def uniform(
    t_min: float | Ramp = 0.02,
    t_max: float | Ramp = 0.98,
    num_timesteps: int = 1000,
    *,
    exact: bool = False,
) -> Annealing:
    """t uniform in {T t_min, ..., T t_max} (DreamFusion, arXiv 2209.14988).

    Ramps narrow the range in the course of a run: MVDream has t_min 0.98 -> 0.02 and t_max
    0.98 -> 0.5 until 0.8 of it, ASD t_min 0.5 -> 0.02 and t_max 0.98 -> 0.5, VSD's code lets t_max
    jump from 0.98 to 0.5.

    With `exact` a bound that a configuration changes from step to step is the whole timestep that
    the official codes have there (`ramps.StepRamp.floored`): MVDream's upper one is 919 at step
    1000 of 8000, and 920 in float32.
    """

    def bound(part, progress):
        if exact and isinstance(part, StepRamp):
            return part.floored(num_timesteps, needed(progress))
        if callable(part):
            return jnp.floor(num_timesteps * value_at(part, progress)).astype(jnp.int32)
        return int(num_timesteps * part)

    def annealing(key, progress):
        low, high = bound(t_min, progress), bound(t_max, progress)
        return jax.random.randint(key, (), low, high + 1)

    return annealing


def linear(
    t_max: float | Ramp = 0.98, t_min: float | Ramp = 0.25, num_timesteps: int = 1000
) -> Annealing:
    """t = T (t_max - (t_max - t_min) progress) (SDI, arXiv 2405.15891)."""
    return annealed(pace.steady, t_max, t_min, num_timesteps)


def sqrt(
    t_max: float | Ramp = 0.98, t_min: float | Ramp = 0.3, num_timesteps: int = 1000
) -> Annealing:
    """t = T (t_max - (t_max - t_min) sqrt(progress)) (HiFA, arXiv 2305.18766, equation 8)."""
    return annealed(pace.square_root, t_max, t_min, num_timesteps)


def cosine(
    t_max: float | Ramp = 0.98, t_min: float | Ramp = 0.02, num_timesteps: int = 1000
) -> Annealing:
    """t falls from T t_max to T t_min along half a cosine (`pace.cosine`)."""
    return annealed(pace.cosine, t_max, t_min, num_timesteps)


def dreamtime(
    t_max: float | Ramp = 0.98, t_min: float | Ramp = 0.02, num_timesteps: int = 1000
) -> Annealing:
    """t falls slowest where a prior says the most (`pace.dreamtime`)."""
    return annealed(pace.dreamtime(), t_max, t_min, num_timesteps)


def piecewise(knots: Sequence[float], t: Sequence[float], num_timesteps: int = 1000) -> Annealing:
    """Linear between the fractions `t` at the progresses `knots`, to the nearest timestep, as
    CFD's code has it (arXiv 2501.05445)."""
    done = pace.piecewise(knots, [1.0 - part for part in t])
    return annealed(done, 1.0, 0.0, num_timesteps, rounding=jnp.round)


def along(timesteps: Int[Array, "steps"] | Int[np.ndarray, "steps"]) -> Annealing:
    """The given timesteps one after the other: entry round(progress steps)."""
    timesteps = jnp.asarray(timesteps, jnp.int32)

    def annealing(key, progress):
        index = jnp.round(progress * len(timesteps)).astype(jnp.int32)
        return timesteps[jnp.minimum(index, len(timesteps) - 1)]

    return annealing


_BOUND = ramped(fraction())
_KNOTS = dataclasses.replace(
    several(whole(at_least=0)), read=lambda value, steps: [at / steps for at in value]
)


def _falling(name: str, annealing: Callable[..., Annealing], **more: Field) -> Kind:
    bounds = {
        "t_max": _BOUND.says("highest timestep, a fraction of T"),
        "t_min": _BOUND.says("lowest timestep, a fraction of T"),
    }
    return Kind(name, annealing, fields_of(annealing, **bounds, **more))


ANNEALINGS = kinds(
    _falling(
        "uniform",
        uniform,
        exact=flag().says("bounds that change are whole timesteps as double precision has them"),
    ),
    _falling("linear", linear),
    _falling("sqrt", sqrt),
    _falling("cosine", cosine),
    _falling("dreamtime", dreamtime),
    Kind(
        "piecewise",
        lambda steps, t: piecewise(steps, t),
        {
            "steps": _KNOTS.says("steps at which `t` is given, ascending"),
            "t": several(fraction()).says("the timesteps there, fractions of T"),
        },
    ),
)
ANNEALING = Choice(ANNEALINGS, "linear", "how the timestep goes in the course of the run")


def from_table(table: Table, steps: int = 1) -> Annealing:
    """The annealing of a table such as {"name": "sqrt", "t_min": 0.3}, in a run of `steps`."""
    return made(ANNEALINGS, complete(table, ANNEALING, "annealing."), steps)
