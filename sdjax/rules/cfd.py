"""CFD: consistent flow distillation (Yan et al., arXiv 2501.05445)."""

from sdjax.config.fields import fields_of
from sdjax.diffusion.annealing import Annealing, from_table
from sdjax.diffusion.ramps import Ramp
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Rule
from sdjax.rules.fsd import FIRST_ORDER, IMAGE_SCALE, check_flow, fsd, of_a_flow
from sdjax.rules.kind import GUIDANCE_SCALE, IMAGE_WEIGHT, RECON_STD_RESCALE, RuleKind
from sdjax.rules.noise import NoiseFunction
from sdjax.rules.noise.surface_noise import surface
from sdjax.rules.weighting import WEIGHTING, Weighting, sigma_over_alpha

ANNEALING = {"name": "sqrt", "t_min": 0.212}


def cfd(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float | Ramp = 71.0,
    annealing: Annealing | None = None,
    noise: NoiseFunction | None = None,
    weighting: Weighting = sigma_over_alpha,
    image_weight: float | Ramp = 0.0,
    image_guidance_scale: float | Ramp = 3.0,
    first_order_steps: int | None = None,
    recon_std_rescale: float = 0.0,
    views_together: int = 1,
) -> Rule:
    """g = sigma_t / alpha_t (epsilon(x_t, t) - noise) with noise that is tied to the surface.

    The clean flow of FSD in 3D: each view's noise is read from the surface that it sees, so that a
    point of the surface has one noise in all views, and every step may refresh a part `gamma` of
    it, which makes the flow an SDE.  `noise` is `surface()` by default, the rest is as in `fsd`.
    The gradient is the rendering minus the one-step estimate; the official loss lacks a factor 1/2,
    so that its gradient is that of `scaled(sigma_over_alpha, 2.0)`.

    Officially, guidance scale 71 in our convention (70 there), t from 0.98 through 0.692, 0.404
    and 0.212 of the timesteps at 0, 0.1, 0.5 and 1 of the run, rounded to the nearest, gamma
    from 0.01 to 1e-4 between 0.2 and 0.4 of the run, no image target (its code has the guidance
    scale 3 for one).
    """
    return fsd(
        schedule,
        guidance_scale=guidance_scale,
        annealing=annealing or from_table(ANNEALING),
        noise=surface() if noise is None else noise,
        weighting=weighting,
        image_weight=image_weight,
        image_guidance_scale=image_guidance_scale,
        first_order_steps=first_order_steps,
        recon_std_rescale=recon_std_rescale,
        views_together=views_together,
    )


RULE = RuleKind(
    "cfd",
    "CFD",
    of_a_flow(cfd),
    {
        **fields_of(
            cfd,
            guidance_scale=GUIDANCE_SCALE,
            weighting=WEIGHTING,
            image_weight=IMAGE_WEIGHT,
            image_guidance_scale=IMAGE_SCALE,
            recon_std_rescale=RECON_STD_RESCALE,
        ),
        "first_order": FIRST_ORDER,
    },
    ANNEALING,
    noise="surface",
    scales=("guidance_scale", "image_guidance_scale"),
    check=check_flow,
)
