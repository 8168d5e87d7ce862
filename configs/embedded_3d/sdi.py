"""sdi 3"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "sdi",
        "guidance_scale": 7.5,
        "inversion_guidance_scale": -7.5,
        "inversion_steps": 10,
        "inversion_eta": 0.0,
        "overshoot": False,
    }
    config["annealing"] = {"name": "linear", "t_max": 0.98, "t_min": 0.02}
    config["prior"]["data_std"] = 0.3
    return ConfigDict(config)
