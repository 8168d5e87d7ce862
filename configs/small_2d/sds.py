"""SDS (DreamFusion, arXiv 2209.14988) in 2D on the small Stable Diffusion.

Fresh noise and a random timestep at every step.

    python -m sdjax.train --config=configs/small_2d/sds.py --workdir=runs/sds

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import RULE, with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "sds.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`."""
    return with_rule_of(SOURCE, Path(__file__).with_name("common.py"), (*RULE, "optimizer"))
