"""DSD (arXiv 2412.06780) in 3D on the small Stable Diffusion.

Each seed follows a DDIM ODE of its own.

    python -m sdjax.train --config=configs/small_3d/dsd.py --workdir=runs/dsd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config

SOURCE = Path(__file__).parents[1] / "embedded_3d" / "dsd.py"


def get_config() -> ConfigDict:
    """The table: from `SOURCE` its rule, noise, annealing and gradient; then these."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    source = load_config(SOURCE).to_dict()
    config |= {name: source[name] for name in ("rule", "noise", "annealing", "gradient")}
    scales = ("guidance_scale", "base_guidance_scale", "ode_guidance_scale")
    config["rule"] |= dict.fromkeys(scales, 3.0)
    config["annealing"]["t_min"] = 0.3
    return ConfigDict(config)
