"""SDI on Stable Diffusion: the official configuration (arXiv 2405.15891; threestudio's sdi.yaml).

The noise of every step is found by inverting the rendering in at most 10 DDIM steps with guidance
scale -7.5.  The official loss is a mean over the 64 x 64 x 4 latents, hence the weight of the
guidance; the scales are those of Perp-Neg, which need no conversion.

    python -m sdjax.train --config=configs/stable_diffusion_3d/sdi.py --workdir=runs/sdi

Not run with real weights so far, so there are no times and figures; end to end on tiny networks
of random weights (tests/test_stable_diffusion_runs.py).
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    config["stages"] = {"steps": (10_000,), "resolution": (512,), "grid": (2,)}
    config["prior"]["prompts"]["perp_neg"] = "decaying"
    config["rule"] = {
        "name": "sdi",
        "guidance_scale": 7.5,
        "inversion_guidance_scale": -7.5,
        "inversion_steps": 10,
        "inversion_eta": 0.3,
        "overshoot": True,
    }
    config["annealing"] = {"name": "linear", "t_max": 0.98, "t_min": 0.25}
    config["scene"]["shading"] |= {"start": 1000, "probability": 0.3, "textureless": 0.75}
    config["losses"] |= {
        "guidance": 1.0 / (64 * 64 * 4),
        "orientation": 0.1,
        "sparsity": (0, 0.15, 0.0, 3000),
        "opaque": 0.1,
        "convexity": (0, 1.0, 0.1, 4000),
        "z_variance": 1.0,
    }
    return ConfigDict(config)
