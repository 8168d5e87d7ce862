"""ISM in 3D (LucidDreamer, arXiv 2311.11284): two points of one deterministic inversion.

    python -m sdjax.train --config=configs/embedded_3d/ism.py --workdir=runs/3d/ism

About 200 s on 2 CPU cores beside other work; 2 of 8 objects by 8 seeds, 8.2 dB on average, 53 %
of the views agree.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "ism",
        "guidance_scale": 7.5,
        "weighting": "sigma_over_alpha",
        "interval": (0, 100.0, 80.0, 120),
        "inversion_guidance_scale": 0.0,
        "inversion_stride": 200,
        "inversion_steps": 5,
    }
    config["noise"]["name"] = "offset"
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    return ConfigDict(config)
