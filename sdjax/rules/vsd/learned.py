"""VSD: variational score distillation (ProlificDreamer, Wang et al., arXiv 2305.16213).

The particles are samples of a distribution of renderings, and descend the KL divergence from it
to the prior: the gradient is the prior's score less the score of that distribution.  A second
network learns the latter (this file), or it is known exactly (`exact`).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from sdjax.config.fields import fields_of, fraction, listed, number, whole
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Predictor, Scale
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.ramps import Progress, Ramp, value_at
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents, Rule, View
from sdjax.rules.kind import GUIDANCE_SCALE, Parts, RuleKind, plainly
from sdjax.rules.noise import NoiseFunction, gaussian
from sdjax.rules.noised import Look, noised_rule
from sdjax.rules.shared import Learned, SharedRule
from sdjax.rules.vsd.adapter import Adapter, adapted_noise, adapter_loss
from sdjax.rules.vsd.camera_features import CameraFeatures, camera_matrix, spherical
from sdjax.rules.weighting import WEIGHTING, Weighting, one_minus_alpha_cumprod

ANNEALING = {"name": "uniform"}

ParticleNoise = Callable[[Latents, Int[Array, ""]], Latents]


class Residual(NamedTuple):
    """A gradient and what led to it."""

    gradient: Latents
    noisy: Latents  # x_t
    epsilon: Latents  # the prior's guided prediction at x_t
    particle_epsilon: Latents  # that of the particles' distribution


def vsd_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    particle_noise: ParticleNoise,
    latents: Latents,
    t: Int[Array, ""],
    noise: Latents,
    *,
    guidance_scale: Scale,
    weighting: Weighting = one_minus_alpha_cumprod,
) -> Residual:
    """g = w(t) (epsilon(x_t, t) - f(x_t, t)) with x_t = alpha_t x + sigma_t noise (equation 8).

    f = `particle_noise` is E[noise | x_t] for data that are the particles' renderings, -sigma_t
    times the score of their noised distribution.  With f = noise it is SDS.
    """
    noisy = add_noise(schedule, latents, noise, t)
    epsilon = predictor(noisy, t, guidance_scale)
    particle_epsilon = particle_noise(noisy, t)
    gradient = weighting(schedule, t) * (epsilon - particle_epsilon)
    return Residual(gradient, noisy, epsilon, particle_epsilon)


def vsd_rule(
    schedule: NoiseSchedule,
    particle_noise_at: Callable[[Predictor, View, Progress], ParticleNoise],
    *,
    guidance_scale: Scale | Ramp,
    annealing: Annealing,
    weighting: Weighting,
    noise: NoiseFunction,
) -> Rule:
    """`vsd_residual` at an annealed timestep, with the particles' noise as it is known now; a
    particle's state is the noise function's."""

    def look(key, predictor, latents, t, drawn, *, progress, view):
        residual = vsd_residual(
            schedule,
            predictor,
            particle_noise_at(predictor, view, progress),
            latents,
            t,
            drawn,
            guidance_scale=value_at(guidance_scale, progress),
            weighting=weighting,
        )
        x_0 = predicted_x0(schedule, residual.noisy, residual.epsilon, t)
        return Look(residual.gradient, residual.noisy, x_0)

    return noised_rule(annealing, noise, look)


class Learner(NamedTuple):
    """What the particles share: the trainable network and its optimiser."""

    params: Any
    optimizer_state: Any


def vsd(
    schedule: NoiseSchedule,
    *,
    guidance_scale: Scale | Ramp = 7.5,
    annealing: Annealing | None = None,
    adapter: Adapter,
    optimizer: optax.GradientTransformation,
    particle_guidance_scale: Scale | Ramp = 1.0,
    camera_dropout: float = 0.1,
    camera_features: CameraFeatures = camera_matrix,
    weighting: Weighting = one_minus_alpha_cumprod,
    noise: NoiseFunction | None = None,
) -> SharedRule:
    """VSD: `vsd_residual` with the noise that the shared, trained network predicts.

    `particle_guidance_scale` is that of `adapted_noise`.  1 is VSD, the score of the renderings
    from this camera; below 1 it is ESD, entropic score distillation (Wang et al., arXiv
    2401.00909), in which a share of 1 - scale is the score of the renderings from all cameras, so
    that views are kept apart from each other; its authors' public repository suggests 0.5.

    The network learns by `adapter_loss` at t uniform in 0 .. T - 1 with fresh noise; its camera is
    zeros with probability `camera_dropout`, drawn once per particle and step (the official code
    draws once per batch).  Two network evaluations an update, of the frozen and of the trained
    network, and one of the latter with its gradient for a step of learning.

    ProlificDreamer's setting is guidance scale 7.5, t uniform in [0.02, 0.98] and from step 5000
    on in [0.02, 0.5], and AdamW with 1e-4, betas 0.9 and 0.99, epsilon 1e-15 and weight decay
    0.01.
    """
    kind = {"prediction_type": adapter.prediction_type}

    def init(key):
        params = adapter.init(key)
        return Learner(params, optimizer.init(params))

    def rule(shared, everyone):
        def particle_noise_at(predictor, view, progress):
            return partial(
                adapted_noise,
                schedule,
                partial(adapter.predict, shared.params, predictor),
                camera=camera_features(view.camera),
                guidance_scale=value_at(particle_guidance_scale, progress),
                **kind,
            )

        return vsd_rule(
            schedule,
            particle_noise_at,
            guidance_scale=guidance_scale,
            annealing=annealing or from_table(ANNEALING),
            weighting=weighting,
            noise=gaussian() if noise is None else noise,
        )

    def learn(key, latents, shared, predictor, *, view):
        t_key, noise_key, drop_key = jax.random.split(key, 3)
        t = jax.random.randint(t_key, (), 0, schedule.num_timesteps)
        drawn = jax.random.normal(noise_key, latents.shape)
        dropped = jax.random.bernoulli(drop_key, camera_dropout)
        camera = jnp.where(dropped, 0.0, camera_features(view.camera))

        def loss(params):
            adapted = partial(adapter.predict, params, predictor)
            return adapter_loss(schedule, adapted, latents, t, drawn, camera, **kind)

        value, gradient = jax.value_and_grad(loss)(shared.params)
        return Learned(gradient, {"adapter": value})

    def apply(shared, gradient):
        step, state = optimizer.update(gradient, shared.optimizer_state, shared.params)
        return Learner(optax.apply_updates(shared.params, step), state)

    return SharedRule(init, rule, learn, apply)


CAMERA_FEATURES = {"matrix": (camera_matrix, 16), "spherical": (spherical, 4)}


def _make(
    parts: Parts,
    *,
    camera_features: tuple[CameraFeatures, int],
    lora_rank: int,
    lora_learning_rate: float,
    **fields: Any,
) -> SharedRule:
    features, count = camera_features
    optimizer = optax.adamw(lora_learning_rate, b1=0.9, b2=0.99, eps=1e-15, weight_decay=0.01)
    return plainly(vsd)(
        parts,
        adapter=parts.prior.adapter(lora_rank, count),
        optimizer=optimizer,
        camera_features=features,
        **fields,
    )


RULE = RuleKind(
    "vsd",
    "VSD",
    _make,
    {
        **fields_of(
            vsd,
            guidance_scale=number().says(GUIDANCE_SCALE.meaning),
            weighting=WEIGHTING,
            particle_guidance_scale=number().says("of the trained network; below 1 it is ESD"),
            camera_dropout=fraction().says("how often the trained network sees no camera"),
        ),
        "camera_features": listed(CAMERA_FEATURES).of("matrix", "what tells it the camera"),
        "lora_rank": whole(at_least=1, at_most=320).of(4, "of its adapters"),
        "lora_learning_rate": number(above=0).of(0.0001, "AdamW's step size for them"),
    },
    ANNEALING,
    noise="gaussian",
    shares_state=True,
    needs_network=True,
)
