"""How close particles are to the true objects, and how different from each other.

Everything is computed from images with values in [0, 1], on the host in double precision.
A particle is judged by all its views together: `[views, height, width, 3]`.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.config.errors import UserError

PSNR_CAP = 100.0  # dB, the value of identical images

Views = Float[np.ndarray, "views h w 3"] | Float[Array, "views h w 3"]
Objects = Float[np.ndarray, "objects views h w 3"] | Float[Array, "objects views h w 3"]


class Nearest(NamedTuple):
    """The true object that a particle comes closest to."""

    index: int  # over all views together
    psnr: float  # dB, from the mean squared error over all views
    view_index: Int[np.ndarray, "views"]  # the object nearest in each single view


def psnr(image: np.ndarray | Array, truth: np.ndarray | Array) -> float:
    """Peak signal-to-noise ratio `-10 log10(mean((image - truth)^2))` in dB, at most 100.

    The arrays have equal shapes; the mean runs over all entries, so of several views it is
    the PSNR of their mean squared error, not the mean of their PSNRs.

    Raises:
        ValueError: if the shapes differ.
    """
    if image.shape != truth.shape:
        raise UserError(f"Images of shape {image.shape} are compared with {truth.shape}.")
    return _decibels(_squared_error(image, truth).mean())


def nearest_object(views: Views, truths: Objects) -> Nearest:
    """The object `argmin_k sum_v MSE(views[v], truths[k, v])` and the one nearest in each view.

    Ties go to the lowest index; in a single view a tie with the overall object goes to that,
    so that objects which look the same from there are not counted as disagreement.

    Args:
        views: one particle seen by V cameras.
        truths: the objects it may be, seen by the same cameras.
    """
    errors = np.stack([_squared_error(views, truth).mean((1, 2, 3)) for truth in truths])
    index = int(errors.sum(1).argmin())
    view_index = errors.argmin(0)
    view_index[errors[index] == errors.min(0)] = index
    return Nearest(index, _decibels(errors[index].mean()), view_index)


def view_agreement(nearest: Nearest) -> float:
    """The share of views, in [0, 1], whose own nearest object is the overall one."""
    return float((nearest.view_index == nearest.index).mean())


def modes_found(indices: Iterable[int | np.integer]) -> int:
    """The number of different objects among the nearest objects of several particles."""
    return len({int(index) for index in indices})


def diversity(particles: Objects) -> float:
    """Mean over all pairs i < j of `sqrt(mean((particles[i] - particles[j])^2))`, in [0, 1].

    Each particle is seen by the same cameras.  A single particle has diversity 0.
    """
    particles = np.asarray(particles, np.float64)
    distances = [
        np.sqrt(_squared_error(particles[i + 1 :], particles[i : i + 1]).mean((1, 2, 3, 4)))
        for i in range(len(particles) - 1)
    ]
    return float(np.concatenate(distances).mean()) if distances else 0.0


def _squared_error(a: np.ndarray | Array, b: np.ndarray | Array) -> np.ndarray:
    return np.square(np.asarray(a, np.float64) - np.asarray(b, np.float64))


def _decibels(mean_squared_error: float) -> float:
    floor = 10.0 ** (-PSNR_CAP / 10.0)
    return float(-10.0 * np.log10(max(mean_squared_error, floor)))
