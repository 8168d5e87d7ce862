"""HiFA in 2D (arXiv 2305.18766): t falls with the square root of progress; image residual of 0.1.

    python -m sdjax.train --config=configs/embedded_2d/hifa.py --workdir=runs/2d/hifa

About 42 s on 2 CPU cores beside other work; 6 of 8 objects by 64 seeds, median 67 dB, 9 % as
DDIM. Fresh noise finds several objects here because t falls, but not those of DDIM.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "hifa",
        "guidance_scale": 7.5,
        "weighting": "alpha_times_sigma",
        "denoising_steps": 1,
        "eta": 0.0,
        "image_weight": 0.1,
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "sqrt", "t_max": 0.98, "t_min": 0.02}
    config["optimizer"] |= {"learning_rate": 0.02, "final": 1.0}
    return ConfigDict(config)
