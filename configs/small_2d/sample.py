"""Sixteen samples of the small Stable Diffusion by DDIM, each from four sides by its prompts.

    python -m sdjax.sample --config=configs/small_2d/sample.py --workdir=runs/sample

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config

CONFIGS = Path(__file__).parents[1]


def get_config() -> ConfigDict:
    """The table: that of configs/sample.py but for these fields."""
    config = load_config(CONFIGS / "sample.py").to_dict()
    config |= {"prompt": "a blue car", "steps": 25, "guidance_scale": 3.0}
    config["prior"] = load_config(CONFIGS / "small_3d" / "common.py").prior.to_dict()
    config["prior"].pop("image_size")
    config["camera"] |= {"azimuths": (0.0, 90.0, 180.0, 270.0), "elevation": 15.0}
    return ConfigDict(config)
