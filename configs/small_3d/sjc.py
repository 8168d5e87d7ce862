"""SJC (arXiv 2212.00774) in 3D on the small Stable Diffusion.

SDS with the score's chain rule.

    python -m sdjax.train --config=configs/small_3d/sjc.py --workdir=runs/sjc

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_3d" / "sjc.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`."""
    return with_rule_of(SOURCE, Path(__file__).with_name("common.py"))
