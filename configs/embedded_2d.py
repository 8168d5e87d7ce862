"""Every rule in 2D on the embedded prior: 64 pictures of a chair from one camera, 300 steps.

    sdjax train --config=embedded_2d:dsd --workdir=runs/2d/dsd

What is led are the prior's latents, 2 image - 1.  Each rule has here the settings under which it
does best, as far as a search of a dozen runs each found them (docs/rules.md); with the same
settings for all they are embedded_2d_equal.py.

A rule takes 5 to 30 s on 2 CPU cores, compilation and report included.  SDI, FSD, DSD and DSD* find
8 of 8 objects of each of the eight prompts, and mostly what DDIM draws from the same noise (98, 91,
100 and 100 % of the chairs); figures of all rules: docs/rules.md.
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import with_rule

BASE = {
    "prompt": "a chair",
    "seeds": 64,
    "stages": {"steps": (300,), "resolution": (64,), "grid": (2,)},
    "prior": {"name": "embedded", "cameras": 1, "azimuth": 30.0},
    "camera": {"elevation": (20.0, 20.0)},
    "scene": {"name": "latents", "spread": 0.0},
    "optimizer": {"name": "adam", "learning_rate": 0.04, "final": 1.0},  # FSD's 0.02 of an image
    "run": {"chunk": 50, "checkpoint_every": 300},
}
# of the seed's noise, as the notebook of SDI and DSD has it
AT_THE_ESTIMATE = {"start": "estimate"}
# Down to the timesteps where the prior has decided everything.
LINEAR = {"name": "linear", "t_max": 0.98, "t_min": 0.02}
WHOLE_PATH = {"name": "linear", "t_max": 0.999, "t_min": 0.0}
PLAIN = {"name": "sgd", "learning_rate": 1.0, "final": 1.0}
FALLING = {"annealing": LINEAR, "scene": AT_THE_ESTIMATE}
WEIGHTED = {"weighting": "one_minus_alpha_cumprod"}  # for plain steps, of any rule
SHORT_ADAM = {"learning_rate": 0.05, "final": 0.1, "eps": 1e-8}


def plain(learning_rate: float) -> dict:
    """Plain steps: Adam makes whole steps of what is left where all views of an exact prior agree,
    and so lets colours and grounds drift."""
    return {**PLAIN, "learning_rate": learning_rate}


# For what samples: guidance distorts an exact prior, so that even DDIM finds fewer objects.
SCALE_1 = {"guidance_scale": 1.0}
# What a rule has different from its recipe here.
DEVIATIONS = {
    "sds": {"rule": {"guidance_scale": 7.5}, **FALLING, "optimizer": plain(0.4)},
    "sjc": {"rule": {"guidance_scale": 7.5, **WEIGHTED}, **FALLING, "optimizer": plain(0.4)},
    "csd": {  # there is no negative prompt
        "rule": {"uncond_scale": 0.0, "null_scale": -1.0},
        **FALLING,
        "optimizer": plain(0.03),
    },
    "nfsd": {"rule": {"guidance_scale": 1.5}, **FALLING, "optimizer": plain(0.4)},
    "hifa": {
        "rule": {"guidance_scale": 7.5, "image_weight": 0.0, **WEIGHTED},
        **FALLING,
        "optimizer": plain(0.1),
    },
    "ism": {
        "rule": {"guidance_scale": 2.0, "interval": 100.0},
        **FALLING,
        "optimizer": plain(0.03),
    },
    "asd": {"rule": {"guidance_scale": 2.0}, **FALLING, "optimizer": plain(3.0)},
    "consistent3d": {
        "rule": {"guidance_scale": 1.0, "gap": 10, "spread": 20, **WEIGHTED},
        "noise": {"name": "gaussian"},
        "gradient": {"clip": None},
        **FALLING,
        "optimizer": plain(0.4),
    },
    "exact_vsd": {"rule": {"guidance_scale": 1.0}, **FALLING, "optimizer": SHORT_ADAM},
    # The authors' notebook: 40 targets, a new one every 25 of 1,000 steps of torch's Adam.
    "sdi": {
        "rule": {
            "noise": "cached",
            "target_every": 25,
            **SCALE_1,
            "inversion_guidance_scale": 1.0,
        },
        **FALLING,
        "stages": {"steps": (1000,)},
        "optimizer": {"learning_rate": 0.1, "b2": 0.999, "eps": 1e-8},
    },
    # Its other mode; blurred data bound the exact score near t = 0, where that of a finite set
    # grows without bound.  A step removes step s^2 / (s^2 + a^2 d^2) of what is off, with s, a and
    # d the deviations of noise, data and blur: hence whole steps onto the target.
    "sdi_inverted": {
        "rule": {
            "noise": "inverted",
            "target_every": 1,
            "inversion_eta": 0.0,
            "overshoot": False,
        },
        "stages": {"steps": (40,)},
        "prior": {"data_std": 0.1},
        "optimizer": PLAIN,
    },
    "fsd": {
        "rule": {"image_weight": 0.0, **SCALE_1},
        "noise": {"name": "fixed"},
        "annealing": {**WHOLE_PATH, "t_min": 0.02},
        "optimizer": {"learning_rate": 0.1, "final": 0.1},
    },
    "cfd": {  # without a surface the noise is one picture
        "rule": {**SCALE_1, "image_guidance_scale": 1.0},
        "noise": {"name": "fixed", "gamma": (60, 0.01, 0.0001, 120)},
        "annealing": {**WHOLE_PATH, "t_min": 0.02},
        "optimizer": {"learning_rate": 0.1, "final": 0.1},
    },
    # Algorithm 2: plain steps of N_ddim / N = 50 / 300 along the nodes of an ODE of 50 steps, one
    # scale in all terms, the overshoot 1 / 50.
    "dsd": {
        "rule": {
            **SCALE_1,
            "base_guidance_scale": 1.0,
            "ode_guidance_scale": 1.0,
            "weighting": "sigma_over_alpha",
            "ode_at": "node",
            "ode_steps": 50,
            "overshoot": "constant",
            "delta": 0.02,
        },
        "annealing": WHOLE_PATH,
        "scene": AT_THE_ESTIMATE,
        "optimizer": {**PLAIN, "learning_rate": 50 / 300},
    },
    "dsd_star": {"rule": SCALE_1, "optimizer": PLAIN},
}
VARIANTS = {"sdi_inverted": "sdi"}  # of which rule
RULES = (
    "sds", "sjc", "csd", "nfsd", "hifa", "ism", "asd", "consistent3d", "exact_vsd", "fsd", "cfd",
    "sdi", "sdi_inverted", "dsd", "dsd_star",
)  # fmt: skip


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS, VARIANTS)
