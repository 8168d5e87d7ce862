"""What all rules share in 3D on the small Stable Diffusion that comes with the package.

The scene is the demo's; cameras also look from above, for which the prior knows a word.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config

CONFIGS = Path(__file__).parents[1]


def get_config() -> ConfigDict:
    """The table: configs/demo.py but for these fields."""
    config = load_config(CONFIGS / "demo.py").to_dict()
    prior = load_config(CONFIGS / "stable_diffusion_3d" / "common.py").prior.to_dict()
    config["prompt"] = "a red mug"
    config["prior"] = prior | {"weights": "sdjax-small", "image_size": 64, "dtype": "float32"}
    config["prior"]["prompts"]["thresholds"] = (45.0, 45.0, 45.0)
    config["camera"]["elevation"] = (-10.0, 60.0)
    config["optimizer"] |= {"learning_rate": 0.03, "eps": 1e-4}  # gradients of encoders are noisy
    config["losses"]["sparsity"] = 0.01
    config["stages"] = {"steps": (300, 300), "resolution": (32, 64), "grid": (40, 64)}
    return ConfigDict(config)
