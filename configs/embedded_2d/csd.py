"""CSD in 2D (arXiv 2310.19415): the classifier's score alone, without noise and without a scale.

The factors are those of the conditional, unconditional and empty prompt, noise and Perp-Neg.

    python -m sdjax.train --config=configs/embedded_2d/csd.py --workdir=runs/2d/csd

About 12 s on 2 CPU cores; 1 of 8 objects by 64 seeds, median 8 dB. All chairs stand on one white
ground, so that nothing tells prompt and empty prompt apart there, and the ground stays as it was;
nothing draws the colours back to the data either.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "csd",
        "cond_scale": 1.0,
        "uncond_scale": 0.0,
        "null_scale": -1.0,
        "noise_scale": 0.0,
        "perp_neg_scale": 0.0,
        "weighting": "one_minus_alpha_cumprod",
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    config["optimizer"] |= {"learning_rate": 0.02, "final": 1.0, "eps": 0.0001}
    return ConfigDict(config)
