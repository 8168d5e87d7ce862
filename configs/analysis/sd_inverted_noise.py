"""t-SNE of the noise that Stable Diffusion inverts 16 views of 16 procedural objects to.

As configs/analysis/inverted_noise.py; each object is inverted under the prompt that chose it.

    python -m sdjax.analyse --config=configs/analysis/sd_inverted_noise.py --workdir=runs/inverted

Not run with real weights so far; on tiny networks of random weights in the tests.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table: configs/analysis/inverted_noise.py but for these fields."""
    folder = Path(__file__).parent
    config = load_config(folder / "inverted_noise.py").to_dict()
    sample = load_config(folder.parent / "stable_diffusion_2d" / "sample.py")
    config |= {"resolution": sample.resolution, "prior": sample.prior.to_dict()}
    config["ddim"] = {"guidance_scale": 1.0, "steps": 50, "spacing": "leading"}
    return ConfigDict(config)
