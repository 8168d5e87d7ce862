"""VSD (ProlificDreamer, arXiv 2305.16213) in 2D on the small Stable Diffusion.

A LoRA of the UNet learns what the particles look like.

    python -m sdjax.train --config=configs/small_2d/vsd.py --workdir=runs/vsd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import with_rule_of

SOURCE = Path(__file__).parents[1] / "stable_diffusion_3d" / "vsd.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`; then these."""
    config = with_rule_of(SOURCE, Path(__file__).with_name("common.py"))
    config.annealing = ConfigDict({"name": "uniform", "t_max": 0.98, "t_min": 0.02})
    config.optimizer.update(learning_rate=0.02, final=1.0)
    return config
