"""SDI in 2D on Stable Diffusion (arXiv 2405.15891).

Inversion in at most 10 steps, scales 7.5 and -7.5.

    python -m sdjax.train --config=configs/stable_diffusion_2d/sdi.py --workdir=runs/sd_2d/sdi

Not run with real weights so far, so there are no times and figures; end to end on tiny networks
of random weights (tests/test_stable_diffusion_runs.py).
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
        "inversion_eta": 0.3,
        "overshoot": True,
    }
    config["annealing"] = {"name": "linear", "t_max": 0.98, "t_min": 0.02}
    config["optimizer"]["learning_rate"] = 0.02
    return ConfigDict(config)
