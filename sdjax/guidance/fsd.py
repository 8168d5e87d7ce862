"""FSD: flow score distillation (Yan et al., arXiv 2405.10988, equations 14 and 15)."""

from sdjax.diffusion.annealing import Annealing
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.guidance.noise import NoiseFunction, fixed
from sdjax.guidance.rule import Rule
from sdjax.guidance.sds import sds
from sdjax.guidance.weighting import Weighting, one_minus_alpha_cumprod


def fsd(
    schedule: NoiseSchedule,
    *,
    guidance_scale: float,
    annealing: Annealing,
    noise: NoiseFunction | None = None,
    weighting: Weighting = one_minus_alpha_cumprod,
) -> Rule:
    """g = w(t) (epsilon(x_t, t) - noise), SDS's residual with determined noise and falling t.

    With x = (x_t - sigma_t noise) / alpha_t the DDIM ODE reads
    dx = (epsilon(x_t, t) - noise) d(sigma_t / alpha_t) (proposition 1), so that each fixed noise
    leads to a sample of its own.  `noise` is `fixed()` by default, as in 2D; 3D takes
    `world_map()`.  One network evaluation an update.
    """
    return sds(
        schedule,
        guidance_scale=guidance_scale,
        annealing=annealing,
        weighting=weighting,
        noise=fixed() if noise is None else noise,
    )
