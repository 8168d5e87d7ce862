"""What HiFA, VSD and their followers FSD and CFD share in 3D: close cameras that stay in place, and
colours without shading before a random background.

Each rule's own file adds its rule, annealing, stages and losses.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table: that of common.py but for these fields."""
    config = load_config(Path(__file__).parents[1] / "common.py").to_dict()
    config["prior"]["prompts"]["thresholds"] = (30.0, 30.0, 60.0)
    config["camera"] |= {
        "distance": (1.0, 1.5),
        "camera_perturb": 0.0,
        "center_perturb": 0.0,
        "up_perturb": 0.0,
    }
    config["scene"] |= {
        "radius": 1.0,
        "progressive": None,
        "background": "random",
        "shading": {"name": "albedo"},
    }
    return ConfigDict(config)
