"""Penalties on a rendering that keep geometry plausible: Rendering -> scalar >= its minimum.

w_i are the weights of the intervals of a ray, t_i their distances, n_i their normals, d the
ray's direction, O the opacity (volume.py).  Those with normals need a renderer that was
asked for them and raise ValueError otherwise; normals that vary over the image are weighed
by opacity, so that the empty background has none.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.config.errors import UserError
from sdjax.config.fields import number
from sdjax.config.kinds import Fields, kinds
from sdjax.diffusion.ramps import ramped
from sdjax.scene.normals import normalise
from sdjax.scene.rendering import Rendering

Scalar = Float[Array, ""]


def orientation(rendering: Rendering) -> Scalar:
    """Normals of visible points must not face away from the camera (Ref-NeRF, eq. 11).

        mean over rays of sum_i stop_gradient(w_i) max(0, n_i . d)^2

    threestudio divides by the number of rays with any opacity instead of by all rays.
    """
    samples = rendering.samples
    normals = _needed(samples and samples.normals, "normals=True")
    away = jnp.sum(normals * samples.directions[..., None, :], axis=-1)
    weights = jax.lax.stop_gradient(samples.weights)
    return jnp.mean(jnp.sum(weights * jnp.maximum(away, 0) ** 2, axis=-1))


def sparsity(rendering: Rendering) -> Scalar:
    """Little of the image should be covered: mean sqrt(O^2 + 0.01) (threestudio), 0.1 if empty."""
    return jnp.mean(jnp.sqrt(rendering.opacity**2 + 0.01))


def opaque(rendering: Rendering) -> Scalar:
    """Each ray should be opaque or empty: the mean binary entropy of the opacity.

    H = -(O log O + (1 - O) log(1 - O)) with O clipped to [0.001, 0.999] (threestudio).
    """
    opacity = jnp.clip(rendering.opacity, 1e-3, 1 - 1e-3)
    entropy = opacity * jnp.log(opacity) + (1 - opacity) * jnp.log1p(-opacity)
    return -jnp.mean(entropy)


def z_variance(rendering: Rendering) -> Scalar:
    """Density should be concentrated at one depth (HiFA, arXiv 2305.18766).

    The mean over rays with O > 0.5 of sum_i v_i (t_i - sum_j v_j t_j)^2, v_i = w_i / O; zero
    if there is no such ray.  (threestudio leaves the weights unnormalised.)
    """
    samples = _needed(rendering.samples, "samples, which an Image has not")
    covered = jax.lax.stop_gradient(rendering.opacity[..., 0] > 0.5)
    total = jnp.where(covered, rendering.opacity[..., 0], 1.0)
    shares = samples.weights / total[..., None]
    mean = jnp.sum(shares * samples.distances, axis=-1, keepdims=True)
    variance = jnp.sum(shares * (samples.distances - mean) ** 2, axis=-1)
    return jnp.sum(jnp.where(covered, variance, 0.0)) / jnp.maximum(jnp.sum(covered), 1)


def convexity(rendering: Rendering, resolution: int = 8) -> Scalar:
    """Surfaces should bulge towards the camera (SDI, arXiv 2405.15891; threestudio's sdi.py).

    With the normals, times opacity, averaged to [resolution, resolution] and the image's
    right and up axes r and u, neighbouring normals of a convex surface turn outwards, so

        -mean (n_left x n_right) . u - mean (n_above x n_below) . r

    is lower the more convex the surface.  (sdi.py takes the z component of both products, of
    normals shifted to [0, 1].)  Height and width must be multiples of `resolution`.
    """
    normals = _needed(rendering.normal, "normals=True") * rendering.opacity
    directions = rendering.samples.directions
    right = normalise(jnp.mean(directions[:, -1] - directions[:, 0], axis=0))
    up = normalise(jnp.mean(directions[0] - directions[-1], axis=0))
    normals = _pooled(normals, resolution)
    across = jnp.cross(normals[:, :-1], normals[:, 1:])
    down = jnp.cross(normals[:-1], normals[1:])
    return -jnp.mean(across @ up) - jnp.mean(down @ right)


def normal_smoothness(rendering: Rendering) -> Scalar:
    """Neighbouring pixels should have similar normals: the mean squared difference, down plus
    across, of normal times opacity (threestudio, zero123 "normal_smooth")."""
    normals = _needed(rendering.normal, "normals=True") * rendering.opacity
    down = jnp.mean((normals[1:] - normals[:-1]) ** 2)
    return down + jnp.mean((normals[:, 1:] - normals[:, :-1]) ** 2)


def normal_smoothness_3d(rendering: Rendering) -> Scalar:
    """A normal should not change when its point is displaced a little: the mean over rays of
    sum_i stop_gradient(w_i) |n(p_i) - n(p_i + e)|, with the renderer's `perturbation` e
    (threestudio "3d_normal_smooth", there without weights)."""
    samples = rendering.samples
    normals = _needed(samples and samples.normals, "normals=True")
    perturbed = _needed(samples.perturbed_normals, "a perturbation and a key")
    change = jnp.sqrt(jnp.sum((normals - perturbed) ** 2, axis=-1) + 1e-12)
    return jnp.mean(jnp.sum(jax.lax.stop_gradient(samples.weights) * change, axis=-1))


def _needed(value, what: str):
    if value is None:
        raise UserError(
            f"This regulariser was given a rendering without what it needs; render with {what}."
        )
    return value


def _pooled(values: Float[Array, "h w 3"], resolution: int) -> Float[Array, "r r 3"]:
    height, width, _ = values.shape
    if height % resolution or width % resolution:
        raise UserError(
            f"Convexity was asked at resolution {resolution} of a rendering of {height} x {width}, "
            "whose height and width must be multiples of it."
        )
    blocks = values.reshape(resolution, height // resolution, resolution, width // resolution, 3)
    return jnp.mean(blocks, axis=(1, 3))


class Regulariser(NamedTuple):
    """One of the list: a penalty, and what the rendering must have for it."""

    name: str
    penalty: Callable[[Rendering], Scalar]
    meaning: str
    needs_normals: bool = False
    needs_perturbed_normals: bool = False
    divides: int = 1  # of which the rendering's height and width must be multiples

    @property
    def fields(self) -> Fields:
        """Its weight."""
        return {self.name: ramped(number(at_least=0)).of(0.0, f"weight: {self.meaning}")}


REGULARISERS = kinds(
    Regulariser(
        "orientation", orientation, "normals of visible points do not face away", needs_normals=True
    ),
    Regulariser("sparsity", sparsity, "little of the picture is covered"),
    Regulariser("opaque", opaque, "each ray is opaque or empty"),
    Regulariser(
        "convexity", convexity, "surfaces bulge towards the camera", needs_normals=True, divides=8
    ),
    Regulariser("z_variance", z_variance, "a ray's density lies at one depth"),
    Regulariser(
        "normal_smoothness",
        normal_smoothness,
        "normals of neighbouring pixels are alike",
        needs_normals=True,
    ),
    Regulariser(
        "normal_smoothness_3d",
        normal_smoothness_3d,
        "normals of points displaced a little are alike",
        needs_normals=True,
        needs_perturbed_normals=True,
    ),
)
