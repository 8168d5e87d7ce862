"""ISM in 2D (LucidDreamer, arXiv 2311.11284): two points of one deterministic inversion.

The interval between them shrinks from 100 to 80 timesteps, as in the official code.

    python -m sdjax.train --config=configs/embedded_2d/ism.py --workdir=runs/2d/ism

About 64 s on 2 CPU cores beside other work; 2 of 8 objects by 64 seeds, median 9 dB, 6 % as DDIM.
As with Consistent3D, the two predictions agree where the ODE is straight, so that nothing draws
the ground to white.
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
        "interval": (0, 100.0, 80.0, 90),
        "inversion_guidance_scale": 0.0,
        "inversion_stride": 200,
        "inversion_steps": 5,
    }
    config["noise"]["name"] = "offset"
    config["annealing"] = {"name": "uniform", "t_max": 0.98, "t_min": 0.02}
    config["optimizer"] |= {"learning_rate": 0.02, "final": 1.0, "eps": 0.0001}
    return ConfigDict(config)
