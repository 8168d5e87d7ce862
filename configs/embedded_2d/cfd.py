"""CFD in 2D (arXiv 2501.05445): FSD whose noise is refreshed a little at every step.

The part gamma falls from 0.01 to 0.0001 between 0.2 and 0.4 of the run, as in the official code;
its surface noise needs a surface, see configs/embedded_3d/cfd.py.

    python -m sdjax.train --config=configs/embedded_2d/cfd.py --workdir=runs/2d/cfd

About 27 s on 2 CPU cores beside other work; 8 of 8 objects by 64 seeds, median 67 dB, 62 % as
DDIM.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "cfd",
        "guidance_scale": 7.5,
        "weighting": "sigma_over_alpha",
        "image_weight": 0.0,
        "image_guidance_scale": 3.0,
    }
    config["noise"]["name"] = "fixed"
    config["noise"]["gamma"] = (60, 0.01, 0.0001, 120)
    config["annealing"] = {"name": "linear", "t_max": 0.999, "t_min": 0.02}
    config["optimizer"] |= {"learning_rate": 0.05, "final": 0.1}
    return ConfigDict(config)
