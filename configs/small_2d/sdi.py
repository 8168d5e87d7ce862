"""SDI (arXiv 2405.15891) in 2D on the small Stable Diffusion.

Noise found by inverting the picture.

    python -m sdjax.train --config=configs/small_2d/sdi.py --workdir=runs/sdi

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import RULE, with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "sdi.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`; then these."""
    config = with_rule_of(SOURCE, Path(__file__).with_name("common.py"), (*RULE, "optimizer"))
    config.scene.spread = 0.25  # no noise is drawn: where seeds begin is all that tells them apart
    return config
