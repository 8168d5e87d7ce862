"""Consistent3D in 2D (arXiv 2401.09050): two neighbouring points of one ODE with a fixed noise.

t_next falls from 0.7 to 0.1 with the square root of progress, the gradient is clipped at 2 to 8, as
in the official code; its scale, from 101 to 51, is 7.5 here.

    python -m sdjax.train --config=configs/embedded_2d/consistent3d.py --workdir=runs/2d/c3d

About 12 s on 2 CPU cores; 8 of 8 objects by 64 seeds, median 8 dB, 39 % as DDIM. Two points of
one ODE agree wherever the ODE is straight, as it is once the prior is sure of an object: nothing
then draws the image to that object, nor the ground to white.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "consistent3d",
        "guidance_scale": 7.5,
        "weighting": "constant",
        "late_weighting": None,
        "gap": 100,
        "spread": 200,
        "std_rescale": 0.0,
    }
    config["noise"]["name"] = "fixed"
    config["annealing"] = {"name": "sqrt", "t_max": 0.7, "t_min": 0.1}
    config["optimizer"] |= {"learning_rate": 0.02, "final": 1.0, "eps": 0.0001}
    config["gradient"]["clip"] = (0, 2.0, 8.0, 300)
    return ConfigDict(config)
