"""VSD without a second network: the score of the particles themselves, which is known.

The renderings of n particles are a distribution of n points; noised, it is a mixture of Gaussians
whose score has a closed form.  ProlificDreamer (arXiv 2305.16213) learns that score; here the rule
is seen without the error of learning.
"""

import jax.numpy as jnp
from jaxtyping import Array, Int

from sdjax.config.fields import fields_of, number
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Scale, branches_of, classifier_free_guidance
from sdjax.diffusion.mixtures import particle_mixture, predict_noise
from sdjax.diffusion.ramps import Ramp, value_at
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents
from sdjax.rules.kind import GUIDANCE_SCALE, RuleKind, of_scenes
from sdjax.rules.noise import NoiseFunction, gaussian
from sdjax.rules.shared import Everyone, Learned, SharedRule
from sdjax.rules.vsd.learned import vsd_rule
from sdjax.rules.weighting import WEIGHTING, Weighting, one_minus_alpha_cumprod

ANNEALING = {"name": "uniform"}


def exact_noise(
    schedule: NoiseSchedule,
    everyone: Everyone,
    x_t: Latents,
    t: Int[Array, ""],
    *,
    guidance_scale: Scale = 1.0,
    data_std: float = 0.0,
    views_together: int = 1,
) -> Latents:
    """f = phi_0 + guidance_scale (phi_camera - phi_0), as `adapter.adapted_noise` has it.

    phi_camera is E[noise | x_t] for data that are all particles as this view sees them, blurred by
    `data_std`; phi_0 that for all particles as any of the step's views sees them.  Of each
    `views_together` consecutive views a particle is one datum, as of a prior that sees them at
    once; phi_0 is then of all particles as any of the step's scenes sees them.
    """
    dtype = jnp.result_type(x_t, everyone.latents)
    particles, weights = everyone.latents.astype(dtype), everyone.weights.astype(dtype)
    scenes = particles.shape[1] // views_together

    def expected(particles, weights):
        mixture = particle_mixture(particles, weights)
        return predict_noise(schedule, x_t, t, mixture, data_std, views_together)

    seen = expected(particles, weights)
    if len(branches_of(guidance_scale)) == 1:
        return seen
    each = particles.reshape(-1, views_together, *particles.shape[2:])
    everywhere = jnp.tile(each, (1, scenes, 1, 1, 1))
    anywhere = expected(everywhere, jnp.repeat(weights, scenes))
    return classifier_free_guidance(seen, anywhere, guidance_scale)


def exact_vsd(
    schedule: NoiseSchedule,
    *,
    guidance_scale: Scale | Ramp = 7.5,
    annealing: Annealing | None = None,
    particle_guidance_scale: Scale | Ramp = 1.0,
    data_std: float = 0.0,
    weighting: Weighting = one_minus_alpha_cumprod,
    noise: NoiseFunction | None = None,
    views_together: int = 1,
) -> SharedRule:
    """`vsd_residual` with `exact_noise`: nothing is learned, but particles see each other.

    A particle that is alone follows SDS: the mixture then knows its noise.  One network
    evaluation an update; a particle's state is the noise function's.  With
    `particle_guidance_scale` below 1 it is ESD, see `vsd`, which differs where a step has several
    views (several scenes, of a prior that sees `views_together` at once).
    """

    def rule(shared, everyone):
        def particle_noise_at(predictor, view, progress):
            scale = value_at(particle_guidance_scale, progress)
            of_particles = {"data_std": data_std, "views_together": views_together}
            return lambda x_t, t: exact_noise(
                schedule, everyone, x_t, t, guidance_scale=scale, **of_particles
            )

        return vsd_rule(
            schedule,
            particle_noise_at,
            guidance_scale=guidance_scale,
            annealing=annealing or from_table(ANNEALING),
            weighting=weighting,
            noise=gaussian() if noise is None else noise,
        )

    return SharedRule(
        init=lambda key: (),
        rule=rule,
        learn=lambda key, latents, shared, predictor, *, view: Learned((), {}),
        apply=lambda shared, gradient: shared,
        sees_everyone=True,
    )


RULE = RuleKind(
    "exact_vsd",
    "VSD",
    of_scenes(exact_vsd),
    fields_of(
        exact_vsd,
        guidance_scale=number().says(GUIDANCE_SCALE.meaning),
        weighting=WEIGHTING,
        particle_guidance_scale=number().says("of the particles' own score; below 1 it is ESD"),
        data_std=number(at_least=0).says("by which the particles are blurred, in latents"),
    ),
    ANNEALING,
    noise="gaussian",
    shares_state=True,
)
