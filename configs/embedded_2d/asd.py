"""ASD in 2D (ScaleDreamer, arXiv 2407.02040): a noisier timestep for VSD's second network.

Official values: scale 7.5, t uniform in a range that moves from [0.5, 0.98] to [0.02, 0.5].

    python -m sdjax.train --config=configs/embedded_2d/asd.py --workdir=runs/2d/asd

About 67 s on 2 CPU cores beside other work; 5 of 8 objects by 64 seeds, median 23 dB, 5 % as
DDIM.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "asd",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
        "shift_ratio": 0.1,
        "random_shift": True,
        "perp_neg_scale": 0.5,
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {
        "name": "uniform",
        "t_max": (0, 0.98, 0.5, 300),
        "t_min": (0, 0.5, 0.02, 300),
    }
    config["optimizer"] |= {"learning_rate": 0.02, "final": 1.0}
    return ConfigDict(config)
