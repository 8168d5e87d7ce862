"""Consistent3D (arXiv 2401.09050) in 2D on the small Stable Diffusion.

Two neighbouring points of one ODE with a fixed noise.

    python -m sdjax.train --config=configs/small_2d/consistent3d.py --workdir=runs/consistent3d

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import RULE, with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "consistent3d.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`."""
    return with_rule_of(SOURCE, Path(__file__).with_name("common.py"), (*RULE, "optimizer"))
