"""DSD* in 2D on Stable Diffusion (arXiv 2412.06780, section 3.2): DDIM of 500 steps.

    python -m sdjax.train --config=configs/stable_diffusion_2d/dsd_star.py --workdir=runs/dsd_star

Not run with real weights so far, so there are no times and figures; end to end on tiny networks
of random weights (tests/test_stable_diffusion_runs.py).
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "dsd_star",
        "guidance_scale": 7.5,
    }
    config["annealing"] = {"name": "linear", "t_max": 0.999, "t_min": 0.0}
    config["optimizer"] = {
        "name": "sgd",
        "learning_rate": 1.0,
        "final": 1.0,
    }
    return ConfigDict(config)
