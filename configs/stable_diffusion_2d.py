"""Rules in 2D on Stable Diffusion: latents of 4 seeds, led for 500 steps.

    sdjax train --config=stable_diffusion_2d:fsd --config.prior.weights=... --workdir=runs/fsd

SDS, NFSD, VSD and FSD are table 3 of the FSD paper (arXiv 2405.10988, appendix D.2; its DDIM is
`sample:stable_diffusion`, or `dsd_star`): the latents themselves are optimised, so that rules can
be compared without a scene.  SDI is mode 1 of its authors' 2D notebook, DSD algorithm 2 of its
paper.  Weights: see stable_diffusion_3d.py.

Not run with real weights so far, so there are no times and figures; end to end on tiny networks of
random weights (tests/test_stable_diffusion_runs.py).
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule
from sdjax.diffusion.guided import text_anchored

THREE_D = parts_of("stable_diffusion_3d").base
LINEAR = {"name": "linear", "t_max": 0.98, "t_min": 0.02}
BASE = merged(
    THREE_D,
    {
        "seeds": 4,
        "stages": {"steps": (500,), "resolution": (512,), "grid": (2,)},
        "prior": {"prompts": {"view_dependent": False}},
        "scene": {"name": "latents", "spread": 0.0},
        "optimizer": {"learning_rate": 0.02, "background_learning_rate": None},
        "run": {"chunk": 25, "checkpoint_every": 250},
    },
)
AT_THE_ESTIMATE = {"scene": {"start": "estimate"}}
DEVIATIONS = {
    "sds": {"rule": {"guidance_scale": 100.0}, "annealing": LINEAR},
    "nfsd": {"annealing": LINEAR},
    "vsd": {"annealing": LINEAR},
    "fsd": {
        "rule": {"image_weight": 0.0},
        "noise": {"name": "fixed"},
        "annealing": LINEAR,
        "optimizer": {"learning_rate": 0.003},
    },
    # 40 targets, a new one every 25 of 1,000 steps of torch's Adam; the notebook has no Perp-Neg.
    "sdi": {
        "rule": {
            "noise": "cached",
            "target_every": 25,
            "guidance_scale": text_anchored(7.5),
            "inversion_guidance_scale": text_anchored(-7.5),
        },
        "annealing": LINEAR,
        "stages": {"steps": (1000,)},
        "optimizer": {"learning_rate": 0.1, "b2": 0.999, "eps": 1e-8},
        **AT_THE_ESTIMATE,
    },
    "sdi_inverted": {"rule": {"noise": "inverted"}},  # mode 2 of the notebook
    # Algorithm 2: plain steps of N_ddim / N = 50 / 500, and one scale as in plain sampling.
    "dsd": {
        "rule": {
            "base_guidance_scale": 7.5,
            "weighting": "sigma_over_alpha",
            "ode_at": "node",
            "ode_steps": 50,
            "overshoot": "constant",
            "delta": 0.02,
        },
        "annealing": {"name": "linear", "t_max": 0.999, "t_min": 0.0},
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        **AT_THE_ESTIMATE,
    },
    "dsd_star": {"optimizer": {"name": "sgd", "learning_rate": 1.0}},
}
VARIANTS = {"sdi_inverted": "sdi"}  # of which rule
RULES = tuple(DEVIATIONS)


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS, VARIANTS)
