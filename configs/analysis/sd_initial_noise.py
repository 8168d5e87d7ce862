"""Pictures of Stable Diffusion from one noise, flipped and shuffled, by DDIM, FSD and DSD.

As configs/analysis/initial_noise.py, with the runs of configs/stable_diffusion_2d.

    python -m sdjax.analyse --config=configs/analysis/sd_initial_noise.py --workdir=runs/noise

Not run with real weights so far; on tiny networks of random weights in the tests.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.analysis.runs import side_by_side
from sdjax.config.loading import load_config

RUNS = Path(__file__).parents[1] / "stable_diffusion_2d"


def get_config() -> ConfigDict:
    """The table."""
    files = {"FSD": "fsd.py", "DSD": "dsd.py"}
    config = side_by_side({name: load_config(RUNS / file) for name, file in files.items()})
    config["seeds"] = 4
    config["ddim"] = {"guidance_scale": 7.5, "steps": 50, "spacing": "leading"}
    config["analysis"] = {
        "name": "initial_noise",
        "patches": 2,
        "mirror_images": False,  # of the embedded prior only
        "shown": 2,
    }
    return ConfigDict(config)
