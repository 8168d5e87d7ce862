"""DSD in 2D (arXiv 2412.06780, algorithm 2): each seed follows a DDIM ODE of 50 steps of its own.

Plain steps of N_ddim / N = 50 / 300 on the latents; latents = 2 image - 1, so the step on the
image is a quarter of that. One guidance scale in all terms.

    python -m sdjax.train --config=configs/embedded_2d/dsd.py --workdir=runs/2d/dsd

About 12 s on 2 CPU cores; 8 of 8 objects by 64 seeds, 64 dB, 94 % the same object as DDIM from
the same noise.
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
    config["optimizer"] = {
        "name": "sgd",
        "learning_rate": 0.0416,
        "final": 1.0,
    }
    return ConfigDict(config)
