"""What the views of one seed are worth: beside true renderings from the same cameras, by a judge's
answers, and by their fine detail.

Pictures are uint8, figures those of colours in [0, 1], in double precision on the host.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from sdjax.reports.metrics import PSNR_CAP

Views = UInt8[np.ndarray, "views h w 3"]
Bank = UInt8[np.ndarray, "variants views h w 3"]
_OCTANT = 45.0  # degrees


class Distance(NamedTuple):
    """How far views are from true renderings, as root mean squares over pixels in [0, 1]."""

    of_views: float  # mean over views, each to the rendering nearest to it
    best: int  # the variant that is nearest to all views together
    of_best: float  # to that one, over all views
    psnr: float  # of `of_best`, dB, at most 100


def distance(views: Views, bank: Bank) -> Distance:
    """From each view v to the true renderings B[k, v] of variants k from the same camera:

        of_views = mean_v min_k rms(views[v] - B[k, v]),
        of_best = min_k sqrt(mean_v rms(views[v] - B[k, v])^2),   psnr = -20 log10(of_best).

    The second asks for one object behind all views; the first does not, and serves where each view
    is drawn for itself.
    """
    errors = _squared_errors(views, bank)
    best = int(errors.mean(1).argmin())
    of_best = float(np.sqrt(errors[best].mean()))
    decibels = -20.0 * np.log10(max(of_best, 10.0 ** (-PSNR_CAP / 20.0)))
    return Distance(float(np.sqrt(errors.min(0)).mean()), best, of_best, float(decibels))


def nearest(views: Views, bank: Bank) -> Int[np.ndarray, "views"]:
    """The variant whose true rendering from the same camera is nearest to each view."""
    return _squared_errors(views, bank).argmin(0)


def right_views(
    octants: Int[np.ndarray, "*views"], azimuths: Float[np.ndarray, "views"]
) -> Bool[np.ndarray, "*views"]:
    """Whether the octant that is told (`sdjax.cameras.OCTANTS`, centred at 45 k degrees) is one of
    the two nearest to the camera's azimuth.

    At 7 degrees from the border between two octants nobody could say more; a face that turns up
    where the side or the back should be is an error.  A guess is right in a quarter of cases.
    """
    apart = np.mod(azimuths - _OCTANT * octants + 180.0, 360.0) - 180.0
    return np.abs(apart) < _OCTANT


def detail(pictures: UInt8[np.ndarray, "*pictures h w 3"]) -> float:
    """The power of spatial frequencies above half of Nyquist's (a quarter of a cycle per pixel, as
    a radius), mean over pictures and channels: what they add to the variance of the pixels."""
    size = pictures.shape[-3:-1]
    spectrum = np.fft.fft2(pictures / 255.0, axes=(-3, -2))
    power = np.square(np.abs(spectrum / (size[0] * size[1])))
    rows, columns = (np.square(np.fft.fftfreq(length)) for length in size)
    is_fine = np.sqrt(rows[:, None] + columns) > 0.25
    return float((power * is_fine[..., None]).sum((-3, -2)).mean())


def _squared_errors(views: Views, bank: Bank) -> Float[np.ndarray, "variants views"]:
    shown = views.astype(np.float32)
    errors = [np.square(shown - truth).mean((1, 2, 3), dtype=np.float64) for truth in bank]
    return np.stack(errors) / 255.0**2
