"""VSD (ProlificDreamer, arXiv 2305.16213) in 3D on the small Stable Diffusion.

A LoRA of the UNet learns what the particles look like.

    python -m sdjax.train --config=configs/small_3d/vsd.py --workdir=runs/vsd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config

SOURCE = Path(__file__).parents[1] / "stable_diffusion_3d" / "vsd.py"


def get_config() -> ConfigDict:
    """The table: from `SOURCE` its rule and noise; then these."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    source = load_config(SOURCE).to_dict()
    config |= {name: source[name] for name in ("rule", "noise")}
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    return ConfigDict(config)
