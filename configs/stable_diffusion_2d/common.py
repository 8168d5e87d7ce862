"""What all rules share in 2D on Stable Diffusion: latents of 4 seeds, led for 500 steps.

The FSD paper's playground (arXiv 2405.10988): the latents themselves are optimised, so that rules
can be compared without a scene.  Weights: see configs/stable_diffusion_3d/common.py.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table: that of 3D but for these fields."""
    three_d = Path(__file__).parents[1] / "stable_diffusion_3d" / "common.py"
    config = load_config(three_d).to_dict()
    config["seeds"] = 4
    config["stages"] = {"steps": (500,), "resolution": (512,), "grid": (2,)}
    config["prior"]["prompts"]["view_dependent"] = False
    config["scene"] = {"name": "latents", "spread": 0.0}
    config["optimizer"] |= {"background_learning_rate": None}
    config["run"] |= {"chunk": 25, "checkpoint_every": 250}
    return ConfigDict(config)
