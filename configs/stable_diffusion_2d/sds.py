"""SDS in 2D on Stable Diffusion: guidance scale 100, Adam 0.02 (arXiv 2405.10988's settings).

    python -m sdjax.train --config=configs/stable_diffusion_2d/sds.py --workdir=runs/sd_2d/sds

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
        "name": "sds",
        "guidance_scale": 100.0,
        "weighting": "one_minus_alpha_cumprod",
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    config["optimizer"]["learning_rate"] = 0.02
    return ConfigDict(config)
