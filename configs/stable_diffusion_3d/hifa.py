"""HiFA on Stable Diffusion: threestudio's configuration (arXiv 2305.18766).

t falls from 0.98 to 0.3 with the square root of progress, and the image itself is drawn to the
decoded estimate with a weight of 0.01.  threestudio trains the hash grid with 0.01 and its network
with 0.001; here both have 0.01.

    python -m sdjax.train --config=configs/stable_diffusion_3d/hifa.py --workdir=runs/hifa

Not run with real weights so far, so there are no times and figures; end to end on tiny networks
of random weights (tests/test_stable_diffusion_runs.py).
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("unshaded") / "common.py").to_dict()
    config["rule"] = {
        "name": "hifa",
        "guidance_scale": 100.0,
        "weighting": "alpha_times_sigma",
        "denoising_steps": 1,
        "eta": 0.0,
        "image_weight": 0.01,
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "sqrt", "t_max": 0.98, "t_min": 0.3}
    config["stages"] = {"steps": (25000,), "resolution": (512,), "grid": (2,)}
    config["losses"] |= {"sparsity": 1.0, "z_variance": 100.0}
    return ConfigDict(config)
