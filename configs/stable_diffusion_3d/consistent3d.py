"""Consistent3D on Stable Diffusion: the coarse stage (arXiv 2401.09050).

t_next falls from 700 to 100 and the text-anchored scale of the official code from 100 to 50, which
is 101 to 51 here; the gradient is clipped at 2 to 8.  Scene and cameras are those of SDS.

    python -m sdjax.train --config=configs/stable_diffusion_3d/consistent3d.py --workdir=runs/c3d

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
        "name": "consistent3d",
        "guidance_scale": (0, 101.0, 51.0, 3000),
        "weighting": "constant",
        "late_weighting": None,
        "gap": 100,
        "spread": 200,
        "std_rescale": 0.0,
    }
    config["noise"]["name"] = "fixed"
    config["annealing"] = {"name": "sqrt", "t_max": 0.7, "t_min": 0.1}
    config["stages"] = {"steps": (3000,), "resolution": (64,), "grid": (2,)}
    config["gradient"]["clip"] = (0, 2.0, 8.0, 3000)
    config["losses"] |= {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0}
    return ConfigDict(config)
