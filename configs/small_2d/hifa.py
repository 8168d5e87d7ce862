"""HiFA (arXiv 2305.18766) in 2D on the small Stable Diffusion.

T falls with the square root of progress; image residual of 0.1.

    python -m sdjax.train --config=configs/small_2d/hifa.py --workdir=runs/hifa

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import RULE, with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "hifa.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`; then these."""
    config = with_rule_of(SOURCE, Path(__file__).with_name("common.py"), (*RULE, "optimizer"))
    config.rule.image_weight = 0.0  # latents are no image
    return config
