"""SJC in 2D (arXiv 2212.00774): SDS with another weighting, from a chain rule on the score.

The scale 7.5 and the optimiser of SDS; t is uniform in {10, ..., 969}, as in the official code.

    python -m sdjax.train --config=configs/embedded_2d/sjc.py --workdir=runs/2d/sjc

About 35 s on 2 CPU cores beside other work; 1 of 8 objects by 64 seeds, median 38 dB, 5 % as
DDIM.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "sjc",
        "guidance_scale": 7.5,
        "weighting": "constant",
        "variance_reduction": True,
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": 0.969, "t_min": 0.01}
    config["optimizer"] |= {"learning_rate": 0.02, "final": 1.0}
    return ConfigDict(config)
