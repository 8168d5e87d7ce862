"""What all rules share in 3D on the embedded prior: the demo with 8 seeds and fewer steps.

Each rule's own file changes `rule` and `annealing`, and SDI's blurs the data.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table: configs/demo.py but for these fields."""
    config = load_config(Path(__file__).parents[1] / "demo.py").to_dict()
    config["seeds"] = 8
    config["stages"] = {"steps": (300, 100), "resolution": (32, 64), "grid": (40, 64)}
    return ConfigDict(config)
