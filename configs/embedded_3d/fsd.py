"""FSD in 3D (arXiv 2405.10988): noise from a world map of theta = 180 degrees, falling t.

    python -m sdjax.train --config=configs/embedded_3d/fsd.py --workdir=runs/3d/fsd

About 70 s on 2 CPU cores; 6 of 8 objects by 8 seeds, 27.9 dB (one seed of 19 dB), 94 % of the
views agree. With `--config.noise.name=fixed` 5 objects, 29.6 dB, all views agree.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "fsd",
        "guidance_scale": 1.0,
        "weighting": "one_minus_alpha_cumprod",
        "image_weight": 0.0,
        "image_guidance_scale": 1.0,
    }
    config["noise"]["name"] = "world_map"
    config["annealing"] = {"name": "sqrt", "t_max": 0.98, "t_min": 0.02}
    return ConfigDict(config)
