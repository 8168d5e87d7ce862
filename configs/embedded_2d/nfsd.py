"""NFSD in 2D (arXiv 2310.17590): the prediction without its noise, plus guidance of 7.5.

The embedded prior has no negative prompt, so that above t = 0.2 it is CSD times 7.5.

    python -m sdjax.train --config=configs/embedded_2d/nfsd.py --workdir=runs/2d/nfsd

About 14 s on 2 CPU cores; 1 of 8 objects by 64 seeds, median 20 dB, 5 % as DDIM. Above t = 0.2
nothing but guidance acts, which leaves noise.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


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
    config["optimizer"] |= {"learning_rate": 0.02, "final": 1.0, "eps": 0.0001}
    return ConfigDict(config)
