"""What all rules share in 2D on the small Stable Diffusion: 16 latents of 16 x 16 x 4, one view.

Each rule's own file takes its rule, noise, annealing and optimizer from configs/embedded_2d.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config

CONFIGS = Path(__file__).parents[1]


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(CONFIGS / "embedded_2d" / "common.py").to_dict()
    config["prompt"], config["seeds"] = "a red mug, front view", 16
    config["prior"] = load_config(CONFIGS / "small_3d" / "common.py").prior.to_dict()
    config["prior"]["prompts"]["view_dependent"] = False
    config["scene"] = {"name": "latents", "spread": 0.0}
    return ConfigDict(config)
