"""DSD (arXiv 2412.06780) in 3D on the small Stable Diffusion.

Each seed follows a DDIM ODE of its own. The residual of the decoded image, which the paper does not
have, keeps the colours: without it, one mug of four is red.

    python -m sdjax.train --config=configs/small_3d/dsd.py --workdir=runs/dsd

4 minutes on 2 CPU cores; more figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_3d" / "dsd.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`; then these."""
    config = with_rule_of(SOURCE, Path(__file__).with_name("common.py"))
    config.rule.update(guidance_scale=3.0, base_guidance_scale=3.0, ode_guidance_scale=3.0)
    config.rule.image_weight = 1.0
    config.annealing.t_min = 0.3
    config.optimizer.update(learning_rate=0.05, eps=1e-15)
    config.losses.sparsity = 0.0
    return config
