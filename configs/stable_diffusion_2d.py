"""Rules in 2D on Stable Diffusion: latents of 4 seeds, led for 500 steps.

    sdjax train --config=stable_diffusion_2d:fsd --config.prior.weights=... --workdir=runs/fsd

The FSD paper's playground (arXiv 2405.10988): the latents themselves are optimised, so that rules
can be compared without a scene.  Weights: see stable_diffusion_3d.py.

Not run with real weights so far, so there are no times and figures; end to end on tiny networks of
random weights (tests/test_stable_diffusion_runs.py).
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule

THREE_D = parts_of("stable_diffusion_3d").base
BASE = merged(
    THREE_D,
    {
        "seeds": 4,
        "stages": {"steps": (500,), "resolution": (512,), "grid": (2,)},
        "prior": {"prompts": {"view_dependent": False}},
        "scene": {"name": "latents", "spread": 0.0},
        "optimizer": {"background_learning_rate": None},
        "run": {"chunk": 25, "checkpoint_every": 250},
    },
)
DEVIATIONS = {
    "sds": {"rule": {"guidance_scale": 100.0}, "optimizer": {"learning_rate": 0.02}},  # FSD's
    "fsd": {
        "rule": {"image_weight": 0.0},
        "noise": {"name": "fixed"},
        "annealing": {"name": "linear", "t_min": 0.02},
        "optimizer": {"learning_rate": 0.003},
    },
    "sdi": {"annealing": {"t_min": 0.02}, "optimizer": {"learning_rate": 0.02}},
    # Algorithm 2: plain steps of N_ddim / N = 50 / 500.  The latents begin at 0, of which the paper
    # says nothing; on the small prior that leads to other pictures than DDIM's, and
    # --config.rule.warm_up=0.05 mends it (docs/small.md).
    "dsd": {
        "rule": {
            "base_guidance_scale": 7.5,
            "weighting": "sigma_over_alpha",
            "ode_steps": 50,
            "overshoot": "constant",
            "delta": 0.02,
        },
        "annealing": {"name": "linear", "t_max": 0.999, "t_min": 0.0},
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
    },
    "dsd_star": {"optimizer": {"name": "sgd", "learning_rate": 1.0}},
}
RULES = tuple(DEVIATIONS)


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS)
