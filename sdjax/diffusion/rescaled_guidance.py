"""Guidance whose clean estimate keeps some of the deviation that it has without guidance.

A large guidance scale makes clean estimates of too much contrast; here their deviation is drawn
back to that of the plain prediction (Lin et al., arXiv 2305.08891, section 3.4), on clean estimates
as MVDream has it (arXiv 2308.16512, `recon_std_rescale`).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.errors import UserError
from sdjax.diffusion.guided import (
    GUIDED_BRANCHES,
    Latents,
    Predictions,
    Predictor,
    Scale,
    guided,
)
from sdjax.diffusion.prediction import predicted_x0
from sdjax.diffusion.schedule import NoiseSchedule


def rescale_std(
    x_0: Float[Array, "views h w c"],
    plain: Float[Array, "views h w c"],
    factor: float,
    views_together: int = 1,
) -> Float[Array, "views h w c"]:
    """factor x_0 std(plain) / std(x_0) + (1 - factor) x_0 (equations 15 and 16).

    A deviation is unbiased, plus 1e-8, and that of the height, width and channels of a whole scene,
    which is `views_together` consecutive views.  Raises a UserError where they do not fill scenes.
    """
    if len(x_0) % views_together:
        raise UserError(
            f"There are {len(x_0)} views, expected a multiple of {views_together}: the deviation "
            "is that of the views of a scene together."
        )

    def std(x):
        scenes = x.reshape(-1, views_together * x.shape[1], *x.shape[2:])
        return jnp.std(scenes, axis=(1, 2, 3), ddof=1, keepdims=True) + 1e-8

    ratio = jnp.repeat(std(plain) / std(x_0), views_together, axis=0)
    return factor * x_0 * ratio + (1.0 - factor) * x_0


def rescaled_guidance(
    schedule: NoiseSchedule,
    predictions: Predictions,
    x_t: Latents,
    t: Int[Array, ""],
    guidance_scale: Scale,
    *,
    recon_std_rescale: float = 0.0,
    views_together: int = 1,
) -> Latents:
    """The noise epsilon' whose clean estimate (x_t - sigma_t epsilon') / alpha_t is `rescale_std`
    of that of the `guided` prediction, towards that of the conditional one."""
    epsilon = guided(predictions, guidance_scale)
    if recon_std_rescale == 0.0:
        return epsilon
    x_0 = predicted_x0(schedule, x_t, epsilon, t)
    plain = predicted_x0(schedule, x_t, predictions.cond, t)
    added = rescale_std(x_0, plain, recon_std_rescale, views_together) - x_0
    return epsilon - schedule.alpha(t) / schedule.sigma(t) * added


def guided_prediction(
    schedule: NoiseSchedule,
    predictor: Predictor,
    x_t: Latents,
    t: Int[Array, ""],
    guidance_scale: Scale,
    *,
    recon_std_rescale: float = 0.0,
    views_together: int = 1,
) -> Latents:
    """`predictor(x_t, t, guidance_scale)`, or `rescaled_guidance` where `recon_std_rescale` is not
    0; one evaluation either way."""
    if recon_std_rescale == 0.0:
        return predictor(x_t, t, guidance_scale)
    found = predictor.predict_branches(x_t, t, GUIDED_BRANCHES)
    rescaling = {"recon_std_rescale": recon_std_rescale, "views_together": views_together}
    return rescaled_guidance(schedule, found, x_t, t, guidance_scale, **rescaling)
