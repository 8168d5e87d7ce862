"""DSD on Stable Diffusion with each seed's ODE computed once per view bin, not at every step.

Three network evaluations a step instead of 8 on average (docs/speed.md).  Perp-Neg mixes prompts
by the azimuth, so that 16 bins of 11 degrees are an approximation; with
`--config.prior.prompts.perp_neg=off --config.rule.ode_bins=None` there are four directions, kept
exactly.

    python -m sdjax.train --config=configs/stable_diffusion_3d/dsd_cached.py --workdir=runs/dsd

A seed begins with 17 x 10 evaluations (4 x 10 without Perp-Neg) and keeps 5.8 MiB of states.  Not
run with real weights so far; end to end on tiny networks of random weights
(tests/test_stable_diffusion_runs.py).
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table: that of dsd.py but for these fields."""
    config = load_config(Path(__file__).with_name("dsd.py")).to_dict()
    config["rule"] |= {"ode": "cached", "ode_bins": 16, "ode_dtype": "bfloat16"}
    return ConfigDict(config)
