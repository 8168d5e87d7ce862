"""What particles are worth: their views beside those of the true objects, and what they say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from sdjax.config.errors import UserError
from sdjax.files.plain_files import read_json
from sdjax.files.whole_files import whole_file
from sdjax.reports.metrics import diversity, modes_found, nearest_object, view_agreement


class Evaluation(NamedTuple):
    """Views of particles and objects from the same cameras; colours in [0, 1].

    Without true objects `truths` holds none and `nearest` is None.
    """

    views: Float[np.ndarray, "particles views h w 3"]
    truths: Float[np.ndarray, "objects views h w 3"]
    nearest: Int[np.ndarray, "particles"] | None  # index into the objects
    metrics: dict[str, Any]  # as in metrics.json


def describe(views: Float[np.ndarray, "particles views h w 3"], seeds: Sequence[int]) -> Evaluation:
    """What can be said of particles without true objects: how different they are."""
    metrics = {
        "views": views.shape[1],
        "diversity": round(diversity(views), 4),
        "seeds": [{"seed": int(seed)} for seed in seeds],
    }
    return Evaluation(views, views[:0], None, metrics)


def judge(
    views: Float[np.ndarray, "particles views h w 3"],
    truths: Float[np.ndarray, "objects views h w 3"],
    names: Sequence[str],
    seeds: Sequence[int],
) -> Evaluation:
    """Compare every particle with every object, by all views together.

    Args:
        views: of the particles, from cameras that the objects are seen from too.
        truths: of the objects.
        names: of the objects.
        seeds: of the particles.
    """
    found = [nearest_object(particle, truths) for particle in views]
    rows = [
        {
            "seed": int(seed),
            "object": names[one.index],
            "psnr": round(one.psnr, 2),
            "view_agreement": round(view_agreement(one), 3),
        }
        for seed, one in zip(seeds, found, strict=True)
    ]
    nearest = np.array([one.index for one in found])
    decibels = [row["psnr"] for row in rows]
    agreements = [row["view_agreement"] for row in rows]
    metrics = {
        "views": views.shape[1],
        "objects": len(names),
        "modes_found": modes_found(nearest),
        "psnr_mean": round(float(np.mean(decibels)), 2),
        "psnr_median": round(float(np.median(decibels)), 2),
        "psnr_min": min(decibels),
        "view_agreement_mean": round(float(np.mean(agreements)), 3),
        "diversity": round(diversity(views), 4),
        "seeds": rows,
    }
    return Evaluation(views, truths, nearest, metrics)


def summary(evaluation: Evaluation) -> str:
    """`4 of 8 objects found by 4 seeds; PSNR 27.1 dB on average, 26.4 at least`; without true
    objects `4 seeds differ by 0.21 (root mean square)`."""
    metrics = evaluation.metrics
    if evaluation.nearest is None:
        number = len(metrics["seeds"])
        return f"{number} seeds differ by {metrics['diversity']:.3f} (root mean square)"
    seen = metrics.get("psnr_reference_mean")
    picture = "" if seen is None else f"; the picture's view {seen:.1f} dB"
    agreement = f"; {metrics['view_agreement_mean']:.0%} of the views agree"
    return (
        f"{metrics['modes_found']} of {metrics['objects']} objects found by "
        f"{len(metrics['seeds'])} seeds; PSNR {metrics['psnr_mean']:.1f} dB on average, "
        f"{metrics['psnr_min']:.1f} at least{agreement if metrics['views'] > 1 else ''}{picture}"
    )


def save_views(path: str | Path, evaluation: Evaluation) -> None:
    """The views as a compressed file of uint8 arrays `views` and `truths`."""
    views, truths = (_to_bytes(images) for images in (evaluation.views, evaluation.truths))
    with whole_file(path) as part:
        np.savez_compressed(part, views=views, truths=truths)


def load_views(path: str | Path) -> tuple[UInt8[np.ndarray, "..."], UInt8[np.ndarray, "..."]]:
    """`views` [particles, views, h, w, 3] and `truths` [objects, views, h, w, 3].

    Raises a UserError where there is no such file, it is damaged, or it holds something else.
    """
    try:
        with open(path, "rb") as file, np.load(file) as arrays:
            views, truths = arrays["views"], arrays["truths"]
    except Exception as error:  # the readers of zip files and arrays have a dozen of their own
        raise UserError(f"{path} cannot be read ({_why(error)}).") from error
    for name, images in (("views", views), ("truths", truths)):
        if images.dtype != np.uint8 or images.ndim != 5 or images.shape[-1] != 3:
            raise UserError(
                f"{path} holds no pictures: {name} is {images.dtype} of shape {images.shape}, "
                "expected uint8 [.., views, height, width, 3]."
            )
    if not views.size or truths.shape[1:] != views.shape[1:]:
        raise UserError(
            f"{path} holds views of shape {views.shape} and truths of shape {truths.shape}, "
            "expected some of one size."
        )
    return views, truths


def load_metrics(path: str | Path) -> dict[str, Any]:
    """What a `metrics.json` says; raises a UserError where it cannot be read or is no table."""
    return read_json(Path(path), "the metrics of a run", "finish that run again")


def _why(error: Exception) -> str:
    """On one line; errors of zip files name whole folders of files."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(said.split())[:200]


def _to_bytes(images: np.ndarray) -> np.ndarray:
    return np.round(255.0 * np.clip(images, 0.0, 1.0)).astype(np.uint8)
