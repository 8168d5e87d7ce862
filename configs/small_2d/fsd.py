"""FSD (arXiv 2405.10988) in 2D on the small Stable Diffusion.

The SDS residual with noise fixed for the run and falling t.

    python -m sdjax.train --config=configs/small_2d/fsd.py --workdir=runs/fsd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "fsd.py"


def get_config() -> ConfigDict:
    """The table: from `SOURCE` its rule, noise, annealing, gradient and optimizer."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    source = load_config(SOURCE).to_dict()
    config |= {
        name: source[name] for name in ("rule", "noise", "annealing", "gradient", "optimizer")
    }
    return ConfigDict(config)
