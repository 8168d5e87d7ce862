"""CFD (arXiv 2501.05445) in 2D on the small Stable Diffusion.

FSD whose noise is refreshed a little at every step.

    python -m sdjax.train --config=configs/small_2d/cfd.py --workdir=runs/cfd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import RULE, with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "cfd.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`; then these."""
    config = with_rule_of(SOURCE, Path(__file__).with_name("common.py"), (*RULE, "optimizer"))
    config.rule.guidance_scale = 3.0
    return config
