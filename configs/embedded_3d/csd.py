"""CSD in 3D (arXiv 2310.19415): the classifier's score alone, without noise and without a scale.

    python -m sdjax.train --config=configs/embedded_3d/csd.py --workdir=runs/3d/csd

About 68 s on 2 CPU cores beside other work; 2 of 8 objects by 8 seeds, 5.7 dB on average, 62 % of
the views agree.
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
    return ConfigDict(config)
