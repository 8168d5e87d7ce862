"""SDI in 2D (arXiv 2405.15891): noise found by inverting the image, 10 steps, scales 7.5 and -7.5.

On the exact prior the inversion of an image that is none of the data diverges: the score of a
finite set grows without bound near t = 0 (the noise found has a standard deviation of 133 in the
first step). `data_std` 0.3 blurs the data and bounds the score; the noise found then begins near
unit variance, but its standard deviation falls below 0.2 within 100 steps, and many seeds stay at
an average of several objects. The seeds differ by their first image (`spread`), because SDI draws
no noise of its own.

    python -m sdjax.train --config=configs/embedded_2d/sdi.py --workdir=runs/2d/sdi

About 50 s on 2 CPU cores; 6 of 8 objects by 64 seeds, median 17 dB (averages), 16 % as DDIM.
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
    config["optimizer"] |= {"learning_rate": 0.05, "final": 0.1}
    config["prior"]["data_std"] = 0.3
    config["scene"]["spread"] = 0.25
    return ConfigDict(config)
