"""SDS in 2D (DreamFusion, arXiv 2209.14988): fresh noise and a random timestep at every step.

Adam with step 0.02, as the FSD paper has it for SDS (table 3), but the scale 7.5 of the others.

    python -m sdjax.train --config=configs/embedded_2d/sds.py --workdir=runs/2d/sds

About 12 s on 2 CPU cores; 1 of 8 objects by 64 seeds, 32 dB to it, 5 % as DDIM.
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
    config["optimizer"] |= {"learning_rate": 0.02, "final": 1.0}
    return ConfigDict(config)
