"""FSD on Stable Diffusion (arXiv 2405.10988): noise from a world map, sqrt annealing.

The paper's rule: the map spans 360 degrees, a view sees theta of them; the image residual uses
scale 1.  Scene and cameras are those of HiFA, whose recipe the paper follows; its weight of the
image residual is HiFA's.

    python -m sdjax.train --config=configs/stable_diffusion_3d/fsd.py --workdir=runs/fsd

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
        "name": "fsd",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
        "image_weight": 0.01,
        "image_guidance_scale": 1.0,
    }
    config["noise"]["name"] = "world_map"
    config["annealing"] = {"name": "sqrt", "t_max": 0.98, "t_min": 0.3}
    config["stages"] = {"steps": (25000,), "resolution": (512,), "grid": (2,)}
    config["losses"] |= {"sparsity": 1.0, "z_variance": 100.0}
    return ConfigDict(config)
