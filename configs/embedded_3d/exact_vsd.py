"""VSD in 3D (ProlificDreamer, arXiv 2305.16213) with the exact score of the 8 particles.

No second network is learned: the distribution of the particles is known, because they are seen by
the same camera in each step.

    python -m sdjax.train --config=configs/embedded_3d/exact_vsd.py --workdir=runs/3d/exact_vsd

About 74 s on 2 CPU cores beside other work; 3 of 8 objects by 8 seeds, 24.5 dB on average, 100 %
of the views agree.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "exact_vsd",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
        "particle_guidance_scale": 1.0,
        "data_std": 0.0,
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    return ConfigDict(config)
