"""DSD in 2D on Stable Diffusion (arXiv 2412.06780, algorithm 2).

Plain steps of N_ddim / N = 50 / 500. The latents begin at 0, of which the paper says nothing; on
the small prior that leads to other pictures than DDIM's, and `--config.rule.warm_up=0.05` mends it
(docs/small.md).

    python -m sdjax.train --config=configs/stable_diffusion_2d/dsd.py --workdir=runs/sd_2d/dsd

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
        "name": "dsd",
        "guidance_scale": 7.5,
        "base_guidance_scale": 7.5,
        "ode_guidance_scale": 7.5,
        "weighting": "sigma_over_alpha",
        "ode": "exact",
        "ode_steps": 50,
        "ode_bins": None,
        "ode_dtype": "float32",
        "overshoot": "constant",
        "delta": 0.02,
        "image_weight": 0.0,
        "warm_up": 0.0,
    }
    config["annealing"] = {"name": "linear", "t_max": 0.999, "t_min": 0.0}
    config["optimizer"] = {"name": "sgd", "learning_rate": 0.1, "final": 1.0}
    return ConfigDict(config)
