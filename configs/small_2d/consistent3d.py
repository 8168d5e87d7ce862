"""Consistent3D (arXiv 2401.09050) in 2D on the small Stable Diffusion.

Two neighbouring points of one ODE with a fixed noise.

    python -m sdjax.train --config=configs/small_2d/consistent3d.py --workdir=runs/consistent3d

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "consistent3d.py"


def get_config() -> ConfigDict:
    """The table: from `SOURCE` its rule, noise, annealing, gradient and optimizer."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    source = load_config(SOURCE).to_dict()
    config |= {
        name: source[name] for name in ("rule", "noise", "annealing", "gradient", "optimizer")
    }
    return ConfigDict(config)
