"""dsd 3"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "dsd",
        "guidance_scale": 1.0,
        "base_guidance_scale": 1.0,
        "ode_guidance_scale": 1.0,
        "weighting": "one_minus_alpha_cumprod",
        "ode": "cached",
        "ode_steps": 10,
        "overshoot": "proportional",
        "delta": 0.1,
    }
    config["annealing"] = {"name": "sqrt", "t_max": 0.98, "t_min": 0.02}
    return ConfigDict(config)
