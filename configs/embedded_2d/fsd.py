"""FSD in 2D (arXiv 2405.10988): the SDS residual with one fixed noise per seed and falling t.

Adam as everywhere in the FSD paper; its step of 0.003 needs 500 steps, 0.05 needs 300.

    python -m sdjax.train --config=configs/embedded_2d/fsd.py --workdir=runs/2d/fsd

About 10 s on 2 CPU cores; 8 of 8 objects by 64 seeds, 67 dB, 81 % the same object as DDIM from
the same noise.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "fsd",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
        "image_weight": 0.0,
        "image_guidance_scale": 1.0,
    }
    config["noise"]["name"] = "fixed"
    config["annealing"] = {"name": "linear", "t_max": 0.999, "t_min": 0.02}
    config["optimizer"] |= {"learning_rate": 0.05, "final": 0.1}
    return ConfigDict(config)
