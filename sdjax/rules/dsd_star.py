"""DSD*: the sampling form of DSD, which is DDIM (Xu et al., arXiv 2412.06780, section 3.2)."""

import jax
from jaxtyping import Array, Float, Int

from sdjax.config.fields import fields_of, number
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Aux, Latents, Rule, Update, check_kept, check_latents
from sdjax.rules.kind import GUIDANCE_SCALE, RuleKind, of_scenes
from sdjax.rules.weighting import sigma_over_alpha

ANNEALING = {"name": "linear", "t_max": 0.999, "t_min": 0.0}


def dsd_star_residual(
    schedule: NoiseSchedule,
    predictor: Predictor,
    latents: Latents,
    t: Int[Array, ""],
    epsilon: Latents,
    *,
    guidance_scale: float,
) -> tuple[Latents, Latents, Latents]:
    """g = sigma_t / alpha_t (epsilon(x_t, t) - epsilon), x_t = alpha_t x + sigma_t epsilon.

    `epsilon` is the prediction of the step before (equations 7 and 8).  Returns g, x_t and
    epsilon(x_t, t).  Carrying `epsilon` instead of evaluating it again at the former state is the
    same algebra, but stable: x - g is then the one-step estimate at x_t, and errors do not add up.
    """
    noisy = add_noise(schedule, latents, epsilon, t)
    prediction = predictor(noisy, t, guidance_scale)
    return sigma_over_alpha(schedule, t) * (prediction - epsilon), noisy, prediction


def dsd_star(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float = 7.5,
    annealing: Annealing | None = None,
    views_together: int = 1,
) -> Rule:
    """DSD*: descent with step size 1 from x = 0 through falling timesteps T' > ... > t_1 is DDIM
    through the same timesteps from sigma_T' eps*; the result is DDIM's last one-step estimate.

    The state is the last prediction, at first eps*: of one view at one resolution, or of the
    `views_together` that a prior predicts at once, or `update` raises `ValueError`.  One network
    evaluation an update.
    """

    annealing = annealing or from_table(ANNEALING)

    def update(key, latents, epsilon, predictor, *, progress, view):
        check_latents(latents, view)
        check_kept("DSD*", latents, epsilon)
        t = annealing(key, progress)
        gradient, noisy, prediction = dsd_star_residual(
            schedule, predictor, latents, t, epsilon, guidance_scale=guidance_scale
        )
        aux = Aux(t, noisy, predicted_x0(schedule, noisy, prediction, t))
        return Update(gradient, prediction, aux)

    def init(key: jax.Array, shape: tuple[int, int, int]) -> Float[Array, "views h w c"]:
        return jax.random.normal(key, (views_together, *shape))

    return Rule(init, update)


RULE = RuleKind(
    "dsd_star",
    "DSD*",
    of_scenes(dsd_star),
    fields_of(dsd_star, guidance_scale=number().says(GUIDANCE_SCALE.meaning)),
    ANNEALING,
    noise="none",
    one_image_because=lambda table: "config.rule.name is 'dsd_star', which samples one image",
)
