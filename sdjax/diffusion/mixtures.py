"""The embedded prior: an exact diffusion model of a finite set of objects, without weights.

The data are renderings of K objects, so the noised distribution is a mixture of Gaussians and
the ideal denoiser is known (for instance Karras et al., arXiv 2206.00364, appendix B.3):

    x_0(x_t) = sum_k w_k x_k,  w = softmax_k(log pi_k - |x_t - alpha_t x_k|^2 / (2 sigma_t^2)).

Latents are images scaled to [-1, 1].  A prompt chooses which objects have weight; a camera
chooses which renderings of them are the data.

Views that are known to show one object have a joint posterior.  Given the object they are
independent, so the logits of `joint` consecutive views add up and pi counts once:

    p(k | x^1 .. x^n) ~ pi_k prod_v N(x^v; alpha x_k^v, sigma^2 I).

It is the posterior of one large picture that is made of all these views.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.diffusion.guided import (
    EVERY_BRANCH,
    Asked,
    AskedBranches,
    BranchName,
    Latents,
    Predictions,
    Scale,
    branches_of,
    guided,
)
from sdjax.diffusion.schedule import NoiseSchedule

_einsum = functools.partial(jnp.einsum, precision="highest")  # accelerators round to bfloat16


Timestep = Int[Array, ""] | Int[Array, "views"]  # for all views, or one each
MANY = 100  # modes: some 30 steps on pixels cost as much as their Gram matrix


class Mixture(NamedTuple):
    """The data distribution that each view looks at."""

    modes: Float[Array, "views k *shape"]  # in [-1, 1]
    log_weights: Float[Array, "views k"]  # log pi; -inf for a mode that is not in the set


def particle_mixture(
    particles: Float[Array, "n views *shape"], weights: Float[Array, "n"]
) -> Mixture:
    """The distribution of n particles that are seen by the same cameras; `weights` need not sum
    to 1."""
    log_weights = jnp.log(weights) - jnp.log(jnp.sum(weights))
    shape = (particles.shape[1], particles.shape[0])
    return Mixture(jnp.moveaxis(particles, 0, 1), jnp.broadcast_to(log_weights[None], shape))


def posterior_weights(
    schedule: NoiseSchedule,
    inner: Float[Array, "views k"],
    squared_norms: Float[Array, "views k"],
    log_weights: Float[Array, "views k"],
    t: Timestep,
    data_std: float,
    joint: int = 1,
) -> Float[Array, "views k"]:
    """softmax(log pi + (alpha <x_t, x_k> - alpha^2 |x_k|^2 / 2) / variance), `inner` = <x_t, x_k>.

    |x_t|^2 is common to all modes and left out: in float32 it would drown their differences.
    The variance is sigma_t^2 + alpha_t^2 data_std^2.  Of each `joint` consecutive views the terms
    beside log pi are summed, and pi is that of the first: all of them get the same weights.
    """
    alpha, variance = per_row(schedule.alpha(t), 2), per_row(_variance(schedule, t, data_std), 2)
    logits = (alpha * inner - 0.5 * alpha**2 * squared_norms) / variance
    if joint == 1:
        return jax.nn.softmax(logits + log_weights, axis=-1)
    of_scenes = logits.reshape(-1, joint, logits.shape[-1]).sum(axis=1)
    weights = jax.nn.softmax(of_scenes + log_weights[::joint], axis=-1)
    return jnp.repeat(weights, joint, axis=0)


def per_row(value: Float[Array, "*views"], axes: int) -> Float[Array, "..."]:
    """What belongs to a timestep, shaped to multiply an array of so many axes along its leading
    one, where each view has a timestep of its own."""
    return value.reshape(value.shape + (1,) * (axes - 1)) if value.ndim else value


def _variance(schedule: NoiseSchedule, t: Timestep, data_std: float) -> Float[Array, "..."]:
    abar = schedule.alpha_cumprod(t)
    return 1.0 - abar + abar * data_std**2


def epsilon_from_mean(
    schedule: NoiseSchedule,
    x_t: Float[Array, "..."],
    mean: Float[Array, "..."],
    t: Timestep,
    data_std: float,
) -> Float[Array, "..."]:
    """The noise at x_t when the weighted mean of the modes is `mean`: (x_t - alpha mean) sigma /
    variance, which is (x_t - alpha mean) / sigma without data noise."""
    factor = per_row(schedule.sigma(t) / _variance(schedule, t, data_std), x_t.ndim)
    return factor * (x_t - per_row(schedule.alpha(t), x_t.ndim) * mean)


def predict_noise(
    schedule: NoiseSchedule,
    x_t: Latents,
    t: Timestep,
    mixture: Mixture,
    data_std: float = 0.0,
    joint: int = 1,
) -> Latents:
    """E[noise | x_t], exactly, for data from `mixture` blurred by `data_std`; each `joint`
    consecutive views show one object (`posterior_weights`)."""
    modes = mixture.modes.reshape(*mixture.modes.shape[:2], -1)
    flat = x_t.reshape(x_t.shape[0], -1)
    inner = _einsum("vd,vkd->vk", flat, modes)
    norms = _einsum("vkd,vkd->vk", modes, modes)
    weights = posterior_weights(schedule, inner, norms, mixture.log_weights, t, data_std, joint)
    mean = _einsum("vk,vkd->vd", weights, modes).reshape(x_t.shape)
    return epsilon_from_mean(schedule, x_t, mean, t, data_std)


class OneByOne:
    """What a `Predictor` gives besides `predict_branches`, where there is no network whose batches
    could be joined."""

    def __call__(self, x_t: Latents, t: Int[Array, ""] | int, guidance_scale: Scale) -> Latents:
        """The guided prediction, as `Predictor.__call__`."""
        return guided(self.predict_branches(x_t, t, branches_of(guidance_scale)), guidance_scale)

    def together(self, *asked: Asked) -> list[Latents]:
        """As `Predictor.together`, one after the other."""
        return [self(*one) for one in asked]

    def branches_together(self, *asked: AskedBranches) -> list[Predictions]:
        """As `Predictor.branches_together`, one after the other."""
        return [self.predict_branches(*one) for one in asked]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ExactPredictor(OneByOne):
    """`Predictor` for mixtures: positive and unconditional branch share their modes.

    Of `joint` consecutive views the posterior is that of one object, which all of them show;
    their log weights must agree, and `views` is a multiple of `joint`.
    """

    schedule: NoiseSchedule
    modes: jax.Array  # [views, k, height, width, channels]
    positive: jax.Array  # log weights [views, k]
    unconditional: jax.Array  # log weights [views, k]
    data_std: float = dataclasses.field(default=0.0, metadata={"static": True})
    joint: int = dataclasses.field(default=1, metadata={"static": True})

    def predict_branches(
        self,
        x_t: Latents,
        t: Int[Array, ""] | int,
        names: tuple[BranchName, ...] = EVERY_BRANCH,
    ) -> Predictions:
        """As `Predictor.predict_branches`; there are no negatives."""

        def branch(log_weights):
            mixture, of_rows = Mixture(self.modes, log_weights), (self.data_std, self.joint)
            return predict_noise(self.schedule, x_t, jnp.asarray(t), mixture, *of_rows)

        return _predictions(branch, self.positive, self.unconditional, names)

    def subspace(
        self, *vectors: Latents
    ) -> tuple["CoordinatePredictor", tuple[Float[Array, "views n"], ...], Callable]:
        """Coordinates in the basis (vectors, modes): an ODE from the vectors never leaves its
        span, and one Gram matrix replaces all work on pixels.  It is no gain over the steps of an
        ODE where there are more than `MANY` modes: then the space stays as it is."""
        if self.modes.shape[1] > MANY:
            return self, vectors, lambda latents: latents
        basis = jnp.concatenate([jnp.stack(vectors, axis=1), self.modes], axis=1)
        flat = basis.reshape(*basis.shape[:2], -1)
        gram = _einsum("vid,vjd->vij", flat, flat)
        reduced = CoordinatePredictor(
            self.schedule, gram, self.positive, self.unconditional, self.data_std, self.joint
        )
        rows = jnp.eye(basis.shape[1], dtype=basis.dtype)[: len(vectors)]
        start = tuple(jnp.broadcast_to(row, gram.shape[:2]) for row in rows)
        return reduced, start, lambda coordinates: _einsum("vi,vi...->v...", coordinates, basis)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class CoordinatePredictor(OneByOne):
    """`ExactPredictor` on coordinates [views, n + k]; the last k basis vectors are the modes."""

    schedule: NoiseSchedule
    gram: jax.Array  # [views, n + k, n + k]
    positive: jax.Array
    unconditional: jax.Array
    data_std: float = dataclasses.field(default=0.0, metadata={"static": True})
    joint: int = dataclasses.field(default=1, metadata={"static": True})

    def predict_branches(
        self,
        x_t: Float[Array, "views n"],
        t: Int[Array, ""] | int,
        names: tuple[BranchName, ...] = EVERY_BRANCH,
    ) -> Predictions:
        """The branches in coordinates."""
        t, k = jnp.asarray(t), self.positive.shape[1]
        inner = _einsum("vij,vj->vi", self.gram[:, -k:], x_t)
        norms = jnp.diagonal(self.gram, axis1=1, axis2=2)[:, -k:]

        def branch(log_weights):
            weights = posterior_weights(
                self.schedule, inner, norms, log_weights, t, self.data_std, self.joint
            )
            mean = jnp.pad(weights, ((0, 0), (x_t.shape[1] - k, 0)))
            return epsilon_from_mean(self.schedule, x_t, mean, t, self.data_std)

        return _predictions(branch, self.positive, self.unconditional, names)


def _predictions(
    branch: Callable, positive: Array, unconditional: Array, names: tuple[BranchName, ...]
) -> Predictions:
    """The named predictions from a function of a branch's log weights."""
    cond = branch(positive) if "cond" in names else None
    needed = "uncond" in names or "null" in names
    without_prompt = branch(unconditional) if needed else None
    return Predictions(
        cond,
        without_prompt if "uncond" in names else None,
        without_prompt if "null" in names else None,
    )
