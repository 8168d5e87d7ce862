"""How often a judge is right about renderings that it has not seen, noun by noun."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from sdjax.prior_training.classifier import NO_ANSWER, QUESTIONS, Judge, labels
from sdjax.prior_training.held_out import HeldOut, all_disturbed, by_noun

_BINS = 15  # of the calibration error


def figures(judge: Judge, shown: HeldOut, seed: int) -> dict[str, Any]:
    """`accuracy` on the renderings as they are, and on disturbed ones."""
    changed = all_disturbed(shown, seed)
    return {"real": accuracy(judge, shown), "disturbed": accuracy(judge, changed)}


def accuracy(judge: Judge, shown: HeldOut) -> dict[str, Any]:
    """For each question the part of right answers, of "all" and of each noun, and the error of
    "calibration" over all."""
    given, right = judge.probabilities(shown.pictures), labels(shown.words)
    told = {}
    for name in QUESTIONS:
        counts = shown.counts.get(name, True) & (right[name] != NO_ANSWER)
        hits = given[name].argmax(-1) == right[name]
        error = calibration_error(given[name][counts].max(-1, initial=0.0), hits[counts])
        told[name] = {**by_noun(hits, counts, shown.words), "calibration": round(error, 4)}
    return told


def calibration_error(confidence: Float[np.ndarray, "n"], is_right: Bool[np.ndarray, "n"]) -> float:
    """sum over bins of the confidence of n_b / n |mean confidence - share of right answers| (Guo et
    al., arXiv 1706.04599, eq. 3)."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [np.sum(confidence[bins == b] - is_right[bins == b]) for b in range(_BINS)]
    return float(np.abs(gaps).sum() / max(1, len(bins)))
