"""NFSD on Stable Diffusion (arXiv 2310.17590): the prediction without its noise, scale 7.5.

The negative prompt is the paper's; there is no official code.  Scene and cameras are those of SDS.

    python -m sdjax.train --config=configs/stable_diffusion_3d/nfsd.py --workdir=runs/nfsd

Not run with real weights so far, so there are no times and figures; end to end on tiny networks
of random weights (tests/test_stable_diffusion_runs.py).
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config
from sdjax.rules.nfsd import NEGATIVE_PROMPT


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "nfsd",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
        "noise_free_below": 0.2,
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    config["stages"] = {"steps": (5000, 5000), "resolution": (64, 512), "grid": (2, 2)}
    config["prior"]["prompts"]["negative"] = NEGATIVE_PROMPT
    config["losses"] |= {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0}
    return ConfigDict(config)
