"""sds 3"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "sds",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
    }
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    return ConfigDict(config)
