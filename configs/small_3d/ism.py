"""ISM (LucidDreamer, arXiv 2311.11284) in 3D on the small Stable Diffusion.

Two points of one deterministic inversion.

    python -m sdjax.train --config=configs/small_3d/ism.py --workdir=runs/ism

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_3d" / "ism.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`."""
    return with_rule_of(SOURCE, Path(__file__).with_name("common.py"))
