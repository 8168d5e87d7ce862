"""HiFA (arXiv 2305.18766) in 3D on the small Stable Diffusion.

T falls with the square root of progress; image residual of 0.1.

    python -m sdjax.train --config=configs/small_3d/hifa.py --workdir=runs/hifa

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_3d" / "hifa.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`."""
    return with_rule_of(SOURCE, Path(__file__).with_name("common.py"))
