"""Which noise leads to the views of an object: DDIM inverted, and laid out in the plane.

DSD (Xu et al., arXiv 2412.06780, appendix, figure 9) keeps one noise for all views of a 3D shape,
and gives as its reason that the inverted noises of one object's views lie close together.
Whether the pictures themselves do so already is the comparison to make.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from sdjax.cameras import Camera
from sdjax.config.errors import UserError
from sdjax.diffusion.ddim import ddim_invert
from sdjax.priors.prior import Prior

Vectors = Float[np.ndarray, "objects views features"]


def inverted_noise(
    prior: Prior,
    conditioning: Any,
    latents: Float[Array, "views *shape"],
    cameras: Camera,
    *,
    guidance_scale: float = 1.0,
    steps: int = 50,
    spacing: str | None = None,
) -> Float[Array, "views *shape"]:
    """x_T of the DDIM trajectories that end at `latents`, one per view (`ddim_invert`).

    Each view is inverted on its own, in the smallest space that the prior knows; without a
    `spacing` at the timesteps of the prior's own.
    """
    predictor = prior.predictor(conditioning, cameras)
    predictor, (start,), expand = predictor.subspace(latents)
    predict = lambda x, t: predictor(x, t, guidance_scale)  # noqa: E731
    spacing = spacing or prior.timestep_spacing
    return expand(ddim_invert(predict, prior.schedule, start, steps, spacing=spacing))


def tsne(
    vectors: Vectors, *, perplexity: float = 15.0, seed: int = 0
) -> Float[np.ndarray, "objects views 2"]:
    """t-SNE (van der Maaten & Hinton, 2008) of all views of all objects together, by scikit-learn.

    Raises `UserError` without scikit-learn, or for a perplexity that is not below the number of
    vectors.
    """
    make = tsne_maker()
    points = vectors.reshape(-1, vectors.shape[-1])
    if perplexity >= len(points):
        raise UserError(
            f"perplexity is {perplexity}, expected less than the {len(points)} views there are."
        )
    # exact gradients: some hundred points need no approximation, whose threads fight over cores
    embedding = make(perplexity=perplexity, init="pca", method="exact", random_state=seed)
    layout = embedding.fit_transform(points)
    return layout.reshape(*vectors.shape[:2], 2).astype(np.float64)


def tsne_maker() -> Callable[..., Any]:
    """scikit-learn's class; raises `UserError` with a sentence where it is not installed."""
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise UserError(
            "t-SNE needs scikit-learn, which is not installed: pip install scikit-learn, or "
            "install sdjax with the extra 'analysis'."
        ) from error
    return TSNE


def same_object_share(vectors: Vectors) -> float:
    """The share of views whose nearest other view (Euclidean) is of the same object."""
    distances = _distances(vectors)
    np.fill_diagonal(distances, np.inf)
    owner = np.arange(len(distances)) // vectors.shape[1]
    return float((owner[distances.argmin(1)] == owner).mean())


def chance(vectors: Vectors) -> float:
    """`same_object_share` where the nearest is any of the others."""
    objects, views, _ = vectors.shape
    return (views - 1) / (objects * views - 1)


def distance_ratio(vectors: Vectors) -> float:
    """Mean distance between views of one object over that between objects; 1 for independent
    noises."""
    distances = _distances(vectors)
    owner = np.arange(len(distances)) // vectors.shape[1]
    same = owner[:, None] == owner[None]
    others = ~np.eye(len(owner), dtype=bool)
    return float(distances[same & others].mean() / distances[~same].mean())


def relative_norm(vectors: Vectors) -> float:
    """Mean norm over sqrt(features), which is 1 for Gaussian noise."""
    return float(np.linalg.norm(vectors, axis=-1).mean() / vectors.shape[-1] ** 0.5)


def _distances(vectors: Vectors) -> Float[np.ndarray, "n n"]:
    """Between all views of all objects, float64."""
    points = vectors.reshape(-1, vectors.shape[-1]).astype(np.float64)
    norms = (points**2).sum(1)
    squares = norms[:, None] + norms[None] - 2.0 * points @ points.T
    return np.sqrt(np.maximum(squares, 0.0))
