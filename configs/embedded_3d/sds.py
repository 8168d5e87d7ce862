"""SDS in 3D (DreamFusion, arXiv 2209.14988): fresh noise and a random timestep at every step.

    python -m sdjax.train --config=configs/embedded_3d/sds.py --workdir=runs/3d/sds

About 67 s on 2 CPU cores; 4 of 8 objects by 8 seeds, 26.3 dB, all views agree.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "sds",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    return ConfigDict(config)
