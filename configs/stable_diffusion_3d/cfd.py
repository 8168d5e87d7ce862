"""CFD on Stable Diffusion: the first stage of the official configuration (arXiv 2501.05445).

Noise sticks to the surface, and a part gamma of it is refreshed at every step; t falls in three
pieces.  The text-anchored scale of 70 is 71 here; the official loss has no factor 1/2, hence the
guidance weight of 2.  The official renderings of 128 pixels mix in normal maps; ours do not.

    python -m sdjax.train --config=configs/stable_diffusion_3d/cfd.py --workdir=runs/cfd

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
        "name": "cfd",
        "guidance_scale": 71.0,
        "weighting": "sigma_over_alpha",
        "image_weight": 0.0,
        "image_guidance_scale": 3.0,
    }
    config["noise"]["name"] = "surface"
    config["noise"]["gamma"] = (5000, 0.01, 0.0001, 10000)
    config["annealing"] = {
        "name": "piecewise",
        "steps": (0, 2500, 12500, 25000),
        "t": (0.98, 0.692, 0.404, 0.212),
    }
    config["stages"] = {"steps": (5000, 20000), "resolution": (128, 512), "grid": (2, 2)}
    config["camera"] |= {"elevation": (0.0, 40.0), "distance": (1.3, 1.5), "fovy": (40.0, 65.0)}
    config["losses"] |= {"guidance": 2.0, "normal_smoothness": (5000, 1000.0, 100.0, 25000)}
    return ConfigDict(config)
