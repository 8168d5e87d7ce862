"""ISM on Stable Diffusion (LucidDreamer, arXiv 2311.11284).

The guidance is the official code's, where it trains 5000 steps of Gaussian splatting; scene and
cameras are those of SDS.

    python -m sdjax.train --config=configs/stable_diffusion_3d/ism.py --workdir=runs/ism

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
        "name": "ism",
        "guidance_scale": 7.5,
        "weighting": "sigma_over_alpha",
        "interval": (0, 100.0, 80.0, 1500),
        "inversion_guidance_scale": 0.0,
        "inversion_stride": 200,
        "inversion_steps": 5,
    }
    config["noise"]["name"] = "offset"
    config["annealing"] = {"name": "uniform", "t_max": (0, 0.98, 0.5, 1500), "t_min": 0.02}
    config["stages"] = {"steps": (5000,), "resolution": (512,), "grid": (2,)}
    config["losses"] |= {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0}
    return ConfigDict(config)
