"""FSD (arXiv 2405.10988) in 2D on the small Stable Diffusion.

The SDS residual with noise fixed for the run and falling t.

    python -m sdjax.train --config=configs/small_2d/fsd.py --workdir=runs/fsd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import RULE, with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "fsd.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`; then these."""
    config = with_rule_of(SOURCE, Path(__file__).with_name("common.py"), (*RULE, "optimizer"))
    config.rule.guidance_scale = 3.0
    return config
