"""DSD* (arXiv 2412.06780, section 3.2) in 2D on the small Stable Diffusion.

The sampling form, which is DDIM.

    python -m sdjax.train --config=configs/small_2d/dsd_star.py --workdir=runs/dsd_star

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import RULE, with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "dsd_star.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`; then these."""
    config = with_rule_of(SOURCE, Path(__file__).with_name("common.py"), (*RULE, "optimizer"))
    config.rule.guidance_scale = 3.0
    config.optimizer.learning_rate = 1.0  # of latents
    return config
