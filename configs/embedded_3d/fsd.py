"""fsd 3"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "fsd",
        "guidance_scale": 1.0,
        "weighting": "one_minus_alpha_cumprod",
        "noise": "world_map",
        "theta": 180.0,
        "beta": 1.0,
    }
    config["annealing"] = {"name": "sqrt", "t_max": 0.98, "t_min": 0.02}
    return ConfigDict(config)
