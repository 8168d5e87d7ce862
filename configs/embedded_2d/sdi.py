"""sdi 2"""

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
    config["optimizer"] = {
        "name": "adam",
        "learning_rate": 0.05,
        "final": 0.1,
        "b1": 0.9,
        "b2": 0.99,
        "eps": 1e-15,
    }
    config["prior"]["data_std"] = 0.3
    config["scene"]["spread"] = 0.25
    return ConfigDict(config)
