"""NFSD in 3D (arXiv 2310.17590): the prediction without its noise, plus guidance of 7.5.

    python -m sdjax.train --config=configs/embedded_3d/nfsd.py --workdir=runs/3d/nfsd

About 70 s on 2 CPU cores beside other work; 3 of 8 objects by 8 seeds, 16.0 dB on average, 88 %
of the views agree.
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
    return ConfigDict(config)
