"""SDS on Stable Diffusion: threestudio's dreamfusion-sd (DreamFusion, arXiv 2209.14988).

threestudio's guidance scale of 100 is text-anchored, which is 101 in the usual convention.  Its
renderings have 64 pixels throughout; `--config.stages.steps=5000,5000
--config.stages.resolution=64,512 --config.stages.grid=2,2` sharpens them.

    python -m sdjax.train --config=configs/stable_diffusion_3d/sds.py --workdir=runs/sds

Not run with real weights so far, so there are no times and figures; end to end on tiny networks
of random weights (tests/test_stable_diffusion_runs.py).
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["stages"] = {"steps": (10_000,), "resolution": (64,), "grid": (2,)}
    config["rule"] = {
        "name": "sds",
        "guidance_scale": 101.0,
        "weighting": "one_minus_alpha_cumprod",
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    config["losses"] |= {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0}
    return ConfigDict(config)
