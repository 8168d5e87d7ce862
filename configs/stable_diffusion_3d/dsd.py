"""DSD on Stable Diffusion: the official low-resolution configuration (arXiv 2412.06780).

Each seed follows a DDIM ODE of its own, simulated in at most 10 steps; 128, then 512 pixels.  The
scales are those of Perp-Neg, which need no conversion: 7.5 for the ODE and the first term, 1 for
the second.  (The official lower bound of 10 on t_delta late in the run never binds at t >= 320.)

    python -m sdjax.train --config=configs/stable_diffusion_3d/dsd.py --workdir=runs/dsd

Not run with real weights so far, so there are no times and figures; end to end on tiny networks
of random weights (tests/test_stable_diffusion_runs.py).
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("sdi.py")).to_dict()
    config["stages"] = {"steps": (5000, 5000), "resolution": (128, 512), "grid": (2, 2)}
    config["rule"] = {
        "name": "dsd",
        "guidance_scale": 7.5,
        "base_guidance_scale": 1.0,
        "ode_guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
        "ode": "exact",
        "ode_steps": 10,
        "ode_bins": None,
        "ode_dtype": "float32",
        "overshoot": "proportional",
        "delta": 0.1,
        "image_weight": 0.0,
        "warm_up": 0.0,
    }
    config["annealing"] = {"name": "sqrt", "t_max": 0.98, "t_min": 0.32}
    config["scene"]["background"] = "random"
    config["losses"] |= {"guidance": 1.0, "convexity": 1.0}
    return ConfigDict(config)
