"""ASD on Stable Diffusion (ScaleDreamer, arXiv 2407.02040).

Guidance as in the official code, which trains one generator for many prompts; scene and cameras
are those of SDS.

    python -m sdjax.train --config=configs/stable_diffusion_3d/asd.py --workdir=runs/asd

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
        "name": "asd",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
        "shift_ratio": 0.1,
        "random_shift": True,
        "perp_neg_scale": 0.5,
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {
        "name": "uniform",
        "t_max": (0, 0.98, 0.5, 10000),
        "t_min": (0, 0.5, 0.02, 10000),
    }
    config["stages"] = {"steps": (5000, 5000), "resolution": (64, 512), "grid": (2, 2)}
    config["prior"]["prompts"]["perp_neg"] = "decaying"
    config["losses"] |= {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0}
    return ConfigDict(config)
