"""CFD (arXiv 2501.05445) in 3D on the small Stable Diffusion.

FSD whose noise is refreshed a little at every step.

    python -m sdjax.train --config=configs/small_3d/cfd.py --workdir=runs/cfd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_3d" / "cfd.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`; then these."""
    config = with_rule_of(SOURCE, Path(__file__).with_name("common.py"))
    config.rule.guidance_scale = config.rule.image_guidance_scale = 3.0
    config.rule.image_weight = 1.0
    config.optimizer.update(learning_rate=0.05, eps=1e-15)
    config.losses.sparsity = 0.0
    return config
