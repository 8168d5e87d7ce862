"""SDI (arXiv 2405.15891) in 2D on the small Stable Diffusion.

Noise found by inverting the picture.

    python -m sdjax.train --config=configs/small_2d/sdi.py --workdir=runs/sdi

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "sdi.py"


def get_config() -> ConfigDict:
    """The table: from `SOURCE` its rule, noise, annealing, gradient and optimizer."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    source = load_config(SOURCE).to_dict()
    config |= {
        name: source[name] for name in ("rule", "noise", "annealing", "gradient", "optimizer")
    }
    return ConfigDict(config)
