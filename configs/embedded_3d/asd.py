"""ASD in 3D (ScaleDreamer, arXiv 2407.02040): a noisier timestep for VSD's second network.

    python -m sdjax.train --config=configs/embedded_3d/asd.py --workdir=runs/3d/asd

About 150 s on 2 CPU cores beside other work; 3 of 8 objects by 8 seeds, 14.5 dB on average, 67 %
of the views agree.
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
        "t_max": (0, 0.98, 0.5, 400),
        "t_min": (0, 0.5, 0.02, 400),
    }
    return ConfigDict(config)
