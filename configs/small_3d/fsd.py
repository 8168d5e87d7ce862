"""FSD (arXiv 2405.10988) in 3D on the small Stable Diffusion.

The SDS residual with noise fixed for the run and falling t.

    python -m sdjax.train --config=configs/small_3d/fsd.py --workdir=runs/fsd

Times and figures: docs/small.md.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config

SOURCE = Path(__file__).parents[1] / "embedded_3d" / "fsd.py"


def get_config() -> ConfigDict:
    """The table: from `SOURCE` its rule, noise, annealing and gradient; then these."""
    config = load_config(Path(__file__).with_name("common.py")).to_dict()
    source = load_config(SOURCE).to_dict()
    config |= {name: source[name] for name in ("rule", "noise", "annealing", "gradient")}
    config["rule"] |= {"guidance_scale": 3.0, "image_weight": 1.0, "image_guidance_scale": 3.0}
    config["noise"]["name"] = "fixed"
    config["optimizer"] |= {"learning_rate": 0.05, "eps": 1e-15}
    config["losses"]["sparsity"] = 0.0
    return ConfigDict(config)
