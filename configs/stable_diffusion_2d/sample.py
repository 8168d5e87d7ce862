"""Sixteen pictures drawn by DDIM from Stable Diffusion, one per seed.

Seed k starts from the noise that FSD and DSD fix for seed k.  Weights: see
configs/stable_diffusion_3d/common.py; `resolution` is that of their training, 512 for 1.5 and
2.1-base and 768 for 2.1.

    python -m sdjax.sample --config=configs/stable_diffusion_2d/sample.py --workdir=runs/sd_sample

Not run with real weights so far, so there are no times; on tiny networks in the tests.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table: configs/sample.py but for these fields."""
    folder = Path(__file__).parents[1]
    config = load_config(folder / "sample.py").to_dict()
    config["prompt"] = "a DSLR photo of a hamburger"
    config["resolution"] = 512
    config["spacing"] = "leading"
    config["prior"] = load_config(folder / "stable_diffusion_3d" / "common.py").prior.to_dict()
    del config["prior"]["image_size"]  # here it is `resolution`
    config["prior"]["prompts"]["view_dependent"] = False
    return ConfigDict(config)
