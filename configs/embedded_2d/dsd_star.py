"""dsd_star 2"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "dsd_star",
        "guidance_scale": 7.5,
    }
    config["annealing"] = {"name": "linear", "t_max": 0.999, "t_min": 0.0}
    config["optimizer"] = {
        "name": "sgd",
        "learning_rate": 0.25,
        "final": 1.0,
    }
    return ConfigDict(config)
