"""CSD on Stable Diffusion (arXiv 2310.19415): the classifier's score alone.

As in the official code, the unconditional branch has a negative prompt and takes the empty
prompt's place in the first 5000 steps.  Scene and cameras are those of SDS.

    python -m sdjax.train --config=configs/stable_diffusion_3d/csd.py --workdir=runs/csd

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
        "name": "csd",
        "cond_scale": 1.0,
        "uncond_scale": (0, 0.0, -1.0, 5000),
        "null_scale": (0, -1.0, 0.0, 5000),
        "noise_scale": 0.0,
        "perp_neg_scale": 0.0,
        "weighting": "one_minus_alpha_cumprod",
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": (0, 0.98, 0.5, 5000), "t_min": 0.02}
    config["stages"] = {"steps": (5000, 5000), "resolution": (64, 512), "grid": (2, 2)}
    config["prior"]["prompts"]["negative"] = (
        "ugly, bad anatomy, blurry, pixelated, obscure, low quality"
    )
    config["losses"] |= {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0}
    return ConfigDict(config)
