"""Bins of views: how many cameras a prior tells apart, and which of them stands for a camera.

What depends on the view only through what the prior reads of it, such as the ODE of a particle,
has to be computed once per bin.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.cameras import (
    DIRECTIONS,
    OCTANTS,
    Camera,
    front_camera,
    octant,
    position,
    view_direction,
    wrapped_azimuth,
)
from sdjax.config.errors import UserError

IN_A_BATCH = 5  # views, as many as there are directions: more are hardly faster, and take memory


class ViewBins(NamedTuple):
    """A partition of the cameras.

    Each `together` consecutive bins are the views of one scene (a rig), which a prior that sees
    them at once can only evaluate together.  `bin_of` gives the cameras of a rig the bins of one
    rig, in its order but for a turn.
    """

    cameras: Camera  # [bins], the one that stands for each bin
    bin_of: Callable[[Camera], Int[Array, "*views"]]  # the index of a camera's bin
    together: int = 1


def scenes(bins: ViewBins) -> Camera:
    """The cameras [scenes, together] of what has to be evaluated at once."""
    shape = (-1, bins.together)
    return jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), bins.cameras)


def at_once(bins: ViewBins) -> int:
    """How many scenes to evaluate in a batch: of the divisors of their number, so that there is no
    rest, the largest with at most `IN_A_BATCH` views."""
    number = len(bins.cameras.azimuth) // bins.together
    most = max(1, IN_A_BATCH // bins.together)
    return max(count for count in range(1, most + 1) if number % count == 0)


def single_bin() -> ViewBins:
    """One bin for all cameras: exact where the prior does not look at the camera."""
    return ViewBins(front_camera(), lambda camera: jnp.zeros_like(camera.azimuth, jnp.int32))


def nearest_bins(cameras: Camera, together: int = 1) -> ViewBins:
    """The bin of a camera is the one of `cameras` [bins] with the smallest angle between their
    directions: exact for a prior that knows these cameras only.

    With `together` > 1 they are rigs one after the other.
    """
    directions = position(cameras) / cameras.distance[:, None]

    def bin_of(camera):
        towards = position(camera) / camera.distance[..., None]
        return jnp.argmax(towards @ directions.T, axis=-1)

    return ViewBins(cameras, bin_of, together)


def direction_bins(
    *, front: float = 45.0, back: float = 45.0, overhead: float = 60.0, two_sides: bool = False
) -> ViewBins:
    """The named directions, four or with `two_sides` five, and the thresholds in degrees of
    `view_direction`: exact for a prior that reads the camera only in its view-dependent prompt."""
    side = 0.5 * (front + 180.0 - back)  # the middle of its range
    azimuth = {"side": side, "front": 0.0, "back": 180.0, "overhead": 0.0, "right": -side}
    elevation = {"overhead": 90.0}
    names = (*DIRECTIONS, "right") if two_sides else DIRECTIONS
    cameras = _cameras(
        jnp.asarray([azimuth[name] for name in names]),
        jnp.asarray([elevation.get(name, 0.0) for name in names]),
    )
    told_apart = {"front": front, "back": back, "overhead": overhead, "two_sides": two_sides}
    return ViewBins(cameras, lambda camera: view_direction(camera, **told_apart))


def octant_bins(*, overhead: float = 60.0) -> ViewBins:
    """The eight octants, seen from their middles, and what is above `overhead` degrees: exact for a
    prior that reads the camera only in a prompt of eight directions."""
    middles = 45.0 * jnp.arange(len(OCTANTS))
    cameras = _cameras(jnp.append(middles, 0.0), jnp.append(0.0 * middles, 90.0))
    return ViewBins(cameras, partial(octant, overhead=overhead))


def turn_bins(number: int, *, overhead: float = 60.0, two_sides: bool = False) -> ViewBins:
    """`number` even ranges of |azimuth| in [0, 180], each seen from its middle, and one bin for all
    that is above `overhead` degrees: number + 1 bins for Perp-Neg, which mixes prompts by |azimuth|
    below and reads one prompt above (`sdjax.text.perp_neg.mixing`).

    A camera is at most 90 / number degrees from its bin's.  With an even number the jump of
    Perp-Neg's weights at 90 degrees lies on an edge.  With `two_sides`, whose prompts differ, each
    side has so many: 2 number + 1 bins.
    """
    width = 180.0 / number
    middle = width * (jnp.arange(number) + 0.5)
    azimuths = jnp.concatenate([middle, -middle]) if two_sides else middle
    cameras = _cameras(jnp.append(azimuths, 0.0), jnp.append(jnp.zeros(len(azimuths)), 90.0))

    def bin_of(camera):
        azimuth = wrapped_azimuth(camera)
        index = jnp.minimum((jnp.abs(azimuth) / width).astype(jnp.int32), number - 1)
        if two_sides:
            index = jnp.where(azimuth < 0.0, index + number, index)
        return jnp.where(camera.elevation > overhead, len(azimuths), index)

    return ViewBins(cameras, bin_of)


def rig_bins(number: int, elevation: tuple[float, float], together: int = 4) -> ViewBins:
    """`number` rigs of `together` views 360 / together degrees apart, `number` x `together` bins.

    The rigs begin at even azimuths below 360 / together, on the middles of even ranges of
    `elevation` in degrees; of the divisors of `number` that one is the count of ranges that keeps
    cameras nearest to their bins.  The bin of view v of rig r is r together + v.

    The cameras of a scene, `together` consecutive ones, read the bins of one rig: the rig nearest
    to the first of them, which is found for all, so that rounding cannot part them.  Where there is
    not a whole number of scenes, each camera finds its own.
    """
    low, high = elevation
    turn = 360.0 / together
    levels = _levels(number, high - low, turn)
    starts = number // levels
    step = turn / starts
    middles = low + (high - low) / levels * (np.arange(levels) + 0.5)
    azimuth = step * np.arange(starts)[:, None] + turn * np.arange(together)
    shape = (levels, starts, together)
    columns = azimuth, middles[:, None, None]
    cameras = _cameras(*(jnp.asarray(np.broadcast_to(c, shape).ravel(), float) for c in columns))

    def bin_of(camera):
        first = _first_of_scenes(camera.azimuth, together)
        views_on = jnp.round((camera.azimuth - first) / turn).astype(jnp.int32)
        at_first = jnp.round(first / step).astype(jnp.int32)
        view = jnp.mod(at_first // starts + views_on, together)
        level = _nearest(middles, _first_of_scenes(camera.elevation, together))
        return (level * starts + jnp.mod(at_first, starts)) * together + view

    return ViewBins(cameras, bin_of, together)


def _levels(number: int, height: float, turn: float) -> int:
    """Of the divisors of `number` that with the smallest cells, by their longer edge in degrees."""
    divisors = [levels for levels in range(1, number + 1) if number % levels == 0]
    return min(divisors, key=lambda levels: max(height / levels, turn * levels / number))


def _nearest(values: np.ndarray, angle: Float[Array, "*views"]) -> Int[Array, "*views"]:
    """The index of the value that is nearest to each angle."""
    values = jnp.asarray(values, angle.dtype)
    apart = [jnp.abs(angle - value) for value in values]
    return jnp.argmin(jnp.stack(apart), axis=0)


def _first_of_scenes(angle: Float[Array, "*views"], together: int) -> Float[Array, "*views"]:
    """For each view the angle of its scene's first; its own where the views fill no scenes."""
    if angle.ndim != 1 or len(angle) % together:
        return angle
    return jnp.repeat(angle[::together], together)


def _cameras(azimuth: Float[Array, "bins"], elevation: Float[Array, "bins"]) -> Camera:
    """Their distance and lens say nothing."""
    one = jnp.ones_like(azimuth)
    return Camera(azimuth, elevation, one, 45.0 * one)


def refuse_number(number: int | None) -> None:
    """Raises `ValueError` for a number of bins where a prior knows directions only."""
    if number is not None:
        raise UserError(
            f"config.rule.ode_bins is {number}, expected None where a prior tells directions only "
            "apart: they are kept exactly."
        )
