"""DSD (arXiv 2412.06780) in 2D on the small Stable Diffusion.

Each seed follows a DDIM ODE of its own. The warm-up puts it there: without, the same seeds end
elsewhere, in wrong colours (docs/small.md).

    python -m sdjax.train --config=configs/small_2d/dsd.py --workdir=runs/dsd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.borrowing import RULE, with_rule_of

SOURCE = Path(__file__).parents[1] / "embedded_2d" / "dsd.py"


def get_config() -> ConfigDict:
    """The table: common.py with the rule of `SOURCE`; then these."""
    config = with_rule_of(SOURCE, Path(__file__).with_name("common.py"), (*RULE, "optimizer"))
    config.rule.update(guidance_scale=3.0, base_guidance_scale=3.0, ode_guidance_scale=3.0)
    config.rule.ode = "cached"  # one view: the same, looked up
    config.rule.warm_up = 0.05
    config.optimizer.learning_rate = 50 / 300  # of latents
    return config
