"""FSD in 2D on Stable Diffusion: one noise per seed, falling t, Adam 0.003 (arXiv 2405.10988).

    python -m sdjax.train --config=configs/stable_diffusion_2d/fsd.py --workdir=runs/sd_2d/fsd

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
        "name": "fsd",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
        "image_weight": 0.0,
        "image_guidance_scale": 1.0,
    }
    config["noise"]["name"] = "fixed"
    config["annealing"] = {"name": "linear", "t_max": 0.98, "t_min": 0.02}
    config["optimizer"]["learning_rate"] = 0.003
    return ConfigDict(config)
