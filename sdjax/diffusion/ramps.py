"""Scalars that change in the course of a run: bounds of t, guidance scales, weights, clips.

A ramp maps progress = step / total steps, in [0, 1], to a scalar; wherever a ramp is expected, a
plain number stands for itself.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.config import fields
from sdjax.config.errors import UserError
from sdjax.config.fields import Field

Progress = Float[Array, ""]
Ramp = Callable[[Progress], Progress]


def value_at(ramp: float | Ramp, progress: Progress | None) -> float | Progress:
    """The ramp's value, or the number itself."""
    return ramp(needed(progress)) if callable(ramp) else ramp


def needed(progress: Progress | None) -> Progress:
    """`progress`; raises `ValueError` where it was left out."""
    if progress is None:
        raise UserError(
            "progress was left out, expected step / total steps: something here changes in the "
            "course of a run (the timestep, or a ramp)."
        )
    return progress


def ramp(start: float, end: float, until: float = 1.0, *, begin: float = 0.0) -> Ramp:
    """`start` up to progress `begin`, linear from there to `end` at progress `until`.

    With `begin` = `until` it is a jump: `start` before, `end` from there on.
    """
    if not 0.0 <= begin <= until:
        raise UserError(f"begin is {begin} and until {until}, expected 0 <= begin <= until.")
    if begin == until:
        return lambda progress: jnp.where(progress < begin, start, end).astype(progress.dtype)
    return piecewise((begin, until), (start, end))


def piecewise(knots: Sequence[float], values: Sequence[float]) -> Ramp:
    """Linear between `values` at the progresses `knots`, constant before and after them.

    Raises `ValueError` for knots that do not ascend, or are not as many as the values.
    """
    if len(knots) != len(values) or not knots:
        raise UserError(
            f"There are {len(knots)} knots and {len(values)} values, expected as many of each, "
            "one at least."
        )
    if any(after <= before for before, after in itertools.pairwise(knots)):
        raise UserError(f"The knots are {tuple(knots)}, expected ascending numbers.")
    knots, values = np.asarray(knots, np.float64), np.asarray(values, np.float64)

    def interpolate(progress):
        at, to = jnp.asarray(knots, progress.dtype), jnp.asarray(values, progress.dtype)
        return jnp.interp(progress, at, to)

    return interpolate


def ramped(field: Field) -> Field:
    """A setting that may change in the course of a run, see `from_setting`."""
    return dataclasses.replace(fields.changing(field), read=from_setting)


@dataclasses.dataclass(frozen=True)
class StepRamp:
    """A ramp over the steps of a run: `first` up to `first_step`, linear from there to `last` at
    `last_step`, or a jump where the two are one."""

    first_step: float
    first: float
    last: float
    last_step: float
    steps: int  # of the run

    def __call__(self, progress: Progress) -> Progress:
        """Its value, in the precision of `progress`."""
        begin, until = self.first_step / self.steps, self.last_step / self.steps
        return ramp(self.first, self.last, until, begin=begin)(progress)

    def floored(self, factor: int, progress: Progress) -> Int[Array, ""]:
        """floor(factor value) at the step of `progress`, as the official codes compute it, in
        double precision: first + (last - first) part, with part = (step - first_step) /
        (last_step - first_step) in [0, 1].

        It is read from a table of all steps: where a value is a whole number in exact arithmetic,
        neither float32 nor another order of operations finds the same side of it.
        """
        step, length = np.arange(self.steps + 1), self.last_step - self.first_step
        if length == 0:
            part = (step >= self.first_step).astype(np.float64)
        else:
            part = np.clip((step - self.first_step) / length, 0.0, 1.0)
        table = np.floor(factor * (self.first + (self.last - self.first) * part))
        index = jnp.round(progress * self.steps).astype(jnp.int32)
        return jnp.asarray(table, jnp.int32)[jnp.clip(index, 0, self.steps)]


def from_setting(value: Any, steps: int) -> float | Ramp:
    """A number as it is; (first step, first value, last value, last step) of a run of `steps` as a
    ramp."""
    if not isinstance(value, tuple):
        return value
    if len(value) == 1:
        return value[0]
    return StepRamp(*value, steps=steps)
