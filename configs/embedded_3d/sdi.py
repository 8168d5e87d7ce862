"""SDI in 3D (arXiv 2405.15891): noise found by inverting the rendering, scales 7.5 and -7.5.

Why it fails on this prior, and what `data_std` does: see configs/embedded_2d/sdi.py.

    python -m sdjax.train --config=configs/embedded_3d/sdi.py --workdir=runs/3d/sdi

About 61 s on 2 CPU cores; 16.2 dB: averages of several objects, 57 % of the views agree.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["rule"] = {
        "name": "sdi",
        "guidance_scale": 7.5,
        "inversion_guidance_scale": -7.5,
        "inversion_steps": 10,
        "inversion_eta": 0.0,
        "overshoot": False,
    }
    config["annealing"] = {"name": "linear", "t_max": 0.98, "t_min": 0.02}
    config["prior"]["data_std"] = 0.3
    return ConfigDict(config)
