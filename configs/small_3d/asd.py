"""ASD (ScaleDreamer, arXiv 2407.02040) in 3D on the small Stable Diffusion.

A noisier timestep for VSD's second network.

    python -m sdjax.train --config=configs/small_3d/asd.py --workdir=runs/asd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_3d" / "asd.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`."""
    return with_rule_of(SOURCE, Path(__file__).with_name("common.py"))
