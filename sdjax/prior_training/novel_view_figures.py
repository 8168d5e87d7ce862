"""Figures of a Zero-1-to-3: how near its views are to true ones, and how seeds differ."""

from itertools import combinations

import numpy as np
from jaxtyping import Float, Real

from sdjax.prior_training.novel_view_trials import Trials, alike

Drawn = Float[np.ndarray, "trials seeds targets h w 3"]  # in [0, 1]
Table = dict[str, float | int | None]


def figures(trials: Trials, drawn: Drawn) -> Table:
    """The means over trials, seeds and targets, of PSNR in dB and of deviations.

    psnr: to the true views, of all targets; psnr_determined: of those that the picture determines
    (`novel_view_trials`), and share_of_22_db of them.  nearest_open: of the others, to the nearest
    view of what the picture might be of, which is no less than to the true one.  spread_determined,
    spread_open: root mean square difference between two seeds; spread_possible: between two of what
    an open view might be.  None where there is no such view.
    """
    pictures = np.round(255.0 * np.clip(drawn, 0.0, 1.0))
    errors = alike(pictures, trials.truths[:, None])  # [trials, seeds, targets]
    determined, spread = trials.determined, seed_spread(pictures)
    sure = np.moveaxis(decibels(errors), 1, -1)[determined]
    possible = np.stack([_spread_of(one) for one in trials.possible])
    return {
        "psnr": _mean(decibels(errors)),
        "determined": int(determined.sum()),
        "psnr_determined": _mean(sure),
        "share_of_22_db": _mean(np.float64(sure >= 22.0), 3),
        "spread_determined": _mean(spread[determined], 4),
        "open": int((~determined).sum()),
        "nearest_open": _mean(np.moveaxis(nearest(trials, pictures), 1, -1)[~determined]),
        "spread_open": _mean(spread[~determined], 4),
        "spread_possible": _mean(possible[~determined], 4),
    }


def nearest(trials: Trials, pictures: Drawn) -> Float[np.ndarray, "trials seeds targets"]:
    """The PSNR to the nearest of what each picture might be of, of every view by itself."""
    pairs = zip(pictures, trials.possible, strict=True)
    return np.stack([decibels(alike(own[:, None], one[None]).min(1)) for own, one in pairs])


def seed_spread(pictures: Drawn) -> Float[np.ndarray, "trials targets"]:
    """The mean over pairs of seeds of their root mean square difference; 0 of one seed."""
    return np.stack([_spread_of(one) for one in pictures])


def decibels(errors: np.ndarray) -> np.ndarray:
    """The PSNR of root mean square errors, at most 100."""
    return -20.0 * np.log10(np.maximum(np.float64(errors), 1e-5))


def _spread_of(pictures: Real[np.ndarray, "number targets h w 3"]) -> np.ndarray:
    pairs = [alike(one, other) for one, other in combinations(pictures, 2)]
    return np.mean(pairs, axis=0) if pairs else np.zeros(pictures.shape[1])


def _mean(values: np.ndarray, digits: int = 2) -> float | None:
    return round(float(np.mean(values)), digits) if values.size else None
