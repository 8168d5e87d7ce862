"""Consistent3D in 3D (arXiv 2401.09050): neighbouring points of one ODE with a fixed noise.

    python -m sdjax.train --config=configs/embedded_3d/consistent3d.py --workdir=runs/3d/c3d

About 91 s on 2 CPU cores beside other work; 2 of 8 objects by 8 seeds, 7.5 dB on average, 69 % of
the views agree.
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
    config["gradient"]["clip"] = (0, 2.0, 8.0, 400)
    return ConfigDict(config)
