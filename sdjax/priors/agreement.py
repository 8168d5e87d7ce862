"""Which objects agree with a picture that is known of them.

The likelihood of the picture under object k is Gaussian, with independent errors of deviation s in
each of its N values:

    log p(picture | k) = -N rms_k^2 / (2 s^2) + constant,   rms_k^2 = mean (picture - render_k)^2,

and the posterior is that of the objects alike before.  N is large, so it is sharp: of two objects
the one that is nearer by more than a few s / sqrt(N) has all the weight, and what agrees are
objects that look the same from there.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from sdjax.config.errors import UserError
from sdjax.objects.model import Object
from sdjax.objects.render import render_views
from sdjax.priors.reference import Reference

FARTHEST = 0.1  # root mean square in [0, 1] beyond which a picture shows another object
LEAST = 1e-3  # of the largest weight, where an object still agrees


def distances(objects: Sequence[Object], reference: Reference) -> Float[np.ndarray, "objects"]:
    """rms_k of each object, seen by the camera of the picture; values in [0, 1]."""
    images = render_views(objects, reference.camera, len(reference.image))[:, 0]
    squares = np.square(np.asarray(images, np.float64) - np.asarray(reference.image))
    return np.sqrt(squares.mean(axis=(1, 2, 3)))


def log_posterior(
    distances: Float[np.ndarray, "objects"],
    named: Bool[np.ndarray, "objects"],
    values: int,
    std: float,
) -> Float[np.ndarray, "objects"]:
    """log p(k | picture) of the objects that are `named`, -inf for the others; `values` is N,
    `std` is s."""
    likelihoods = np.where(named, -0.5 * values * np.square(distances / std), -np.inf)
    return likelihoods - np.logaddexp.reduce(likelihoods)


def agreeing(log_weights: Float[np.ndarray, "objects"]) -> Bool[np.ndarray, "objects"]:
    """Those with at least `LEAST` of the largest weight."""
    return log_weights >= log_weights.max() + np.log(LEAST)


def check_agreement(names: Sequence[str], distances: Float[np.ndarray, "objects"]) -> None:
    """Raises a UserError where the picture shows none of these objects."""
    best = int(np.argmin(distances))
    if distances[best] > FARTHEST:
        raise UserError(
            f"config.prior.image shows none of the prompt's objects; the nearest, the "
            f"{names[best]}, differs by {distances[best]:.2f} (root mean square, of colours in "
            f"[0, 1]), expected at most {FARTHEST}."
        )
