"""SJC on Stable Diffusion (arXiv 2212.00774).

The scene and cameras of SDS; t uniform in {10, ..., 969} as in the official code.  threestudio's
scale of 100 is text-anchored, which is 101 in the usual convention.

    python -m sdjax.train --config=configs/stable_diffusion_3d/sjc.py --workdir=runs/sjc

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
        "name": "sjc",
        "guidance_scale": 101.0,
        "weighting": "constant",
        "variance_reduction": True,
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": 0.969, "t_min": 0.01}
    config["stages"] = {"steps": (10000,), "resolution": (64,), "grid": (2,)}
    config["losses"] |= {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0}
    return ConfigDict(config)
