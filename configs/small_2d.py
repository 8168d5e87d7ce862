"""Every rule in 2D on the small Stable Diffusion: 16 latents of 16 x 16 x 4, one view.

    sdjax train --config=small_2d:dsd --workdir=runs/dsd

Rules, annealings and optimisers are those of embedded_2d.py, but for what is said below.  Times and
figures: docs/small.md.
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule, without

EMBEDDED, SMALL_3D = parts_of("embedded_2d"), parts_of("small_3d")
SCALE_3 = {"rule": {"guidance_scale": 3.0}}  # at which the prior draws best
BASE = merged(
    EMBEDDED.base,
    {
        "prompt": "a red mug, front view",
        "seeds": 16,
        "prior": merged(SMALL_3D.base["prior"], {"prompts": {"view_dependent": False}}),
        "scene": {"name": "latents", "spread": 0.0},
    },
)
OWN = {
    "hifa": {"rule": {"image_weight": 0.0}},  # latents are no image
    "fsd": SCALE_3,
    "cfd": SCALE_3,
    "vsd": {"annealing": {"t_max": 0.98}},
    # SDI draws no noise of its own: where seeds begin is all that tells them apart.
    "sdi": {"scene": {"spread": 0.25}},
    # Without the warm-up the same seeds end elsewhere, in wrong colours (docs/small.md).  One view:
    # its ODE is the same, looked up.  The plain steps are those of latents, not of an image.
    "dsd": {
        "rule": {
            "guidance_scale": 3.0,
            "base_guidance_scale": 3.0,
            "ode_guidance_scale": 3.0,
            "ode": "cached",
            "warm_up": 0.05,
        },
        "optimizer": {"learning_rate": 50 / 300},
    },
    "dsd_star": {"rule": {"guidance_scale": 3.0}, "optimizer": {"learning_rate": 1.0}},
}
DEVIATIONS = merged(without(EMBEDDED.deviations, "prior"), OWN)
RULES = tuple("vsd" if rule == "exact_vsd" else rule for rule in EMBEDDED.rules)


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS)
