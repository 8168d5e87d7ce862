"""SJC (arXiv 2212.00774) in 3D on the small Stable Diffusion.

SDS with the score's chain rule.

    python -m sdjax.train --config=configs/small_3d/sjc.py --workdir=runs/sjc

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config

SOURCE = Path(__file__).parents[1] / "embedded_3d" / "sjc.py"


def get_config() -> ConfigDict:
    """The table: from `SOURCE` its rule, noise, annealing and gradient."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    source = load_config(SOURCE).to_dict()
    config |= {name: source[name] for name in ("rule", "noise", "annealing", "gradient")}
    return ConfigDict(config)
