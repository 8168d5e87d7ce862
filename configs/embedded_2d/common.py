"""What all rules share in 2D on the embedded prior: 64 images of a chair from one camera.

Each rule's own file changes `rule`, `annealing` and `optimizer`; 300 steps at 64 pixels.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table: configs/demo.py but for these fields."""
    config = load_config(Path(__file__).parents[1] / "demo.py").to_dict()
    config["prompt"], config["seeds"] = "a chair", 64
    config["stages"] = {"steps": (300,), "resolution": (64,), "grid": (2,)}
    config["scene"] = {"name": "image", "spread": 0.0}
    config["prior"] |= {"cameras": 1, "azimuth": 30.0}
    config["camera"]["elevation"] = (20.0, 20.0)
    config["run"] |= {"chunk": 50, "checkpoint_every": 300}
    return ConfigDict(config)
