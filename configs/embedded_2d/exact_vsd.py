"""VSD in 2D (ProlificDreamer, arXiv 2305.16213) with the exact score of the 64 particles.

No second network is learned: the distribution of the particles is known.

    python -m sdjax.train --config=configs/embedded_2d/exact_vsd.py --workdir=runs/2d/exact_vsd

About 31 s on 2 CPU cores beside other work; 1 of 8 objects by 64 seeds, median 31 dB, 5 % as
DDIM. Each particle recognises itself in the mixture, which makes VSD much like SDS (31 dB and 1
object, too). With `--config.annealing.name=linear`: 6 objects, 50 dB; and with
`--config.rule.guidance_scale=1` as well: 8 objects, 50 dB, where SDS finds 4.
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
    config["optimizer"] |= {"learning_rate": 0.02, "final": 1.0}
    return ConfigDict(config)
