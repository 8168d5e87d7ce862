"""Chairs from one noise, flipped and shuffled, by DDIM, FSD, DSD and DSD*.

Figure 14 of FSD (arXiv 2405.10988). The runs are those of configs/embedded_2d at 32 pixels. Like
collections of photographs, and unlike those runs, the data hold the mirror image of everything.

    python -m sdjax.analyse --config=configs/analysis/initial_noise.py --workdir=runs/initial_noise

About 15 s on 2 CPU cores. Upside down or shuffled, a noise leads to a chair as different as that of
another seed (64 seeds; 0.17 to 0.20 rms). Flipped left-right it leads to the very mirror image, as
it must where the data are symmetric; with `analysis.mirror_images` False there is none to be found,
and it leads to the same or another chair (0.12 to 0.14 rms; another seed 0.14 to 0.18).
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.analysis.runs import side_by_side
from sdjax.config.loading import load_config

RUNS = Path(__file__).parents[1] / "embedded_2d"


def get_config() -> ConfigDict:
    """The table."""
    files = {"FSD": "fsd.py", "DSD": "dsd.py", "DSD*": "dsd_star.py"}
    small = {"stages.resolution": (32,)}
    config = side_by_side({name: load_config(RUNS / file, small) for name, file in files.items()})
    config["seeds"] = 16
    config["ddim"] = {"guidance_scale": 7.5, "steps": 50, "spacing": "trailing"}
    config["analysis"] = {
        "name": "initial_noise",
        "patches": 2,
        "mirror_images": True,
        "shown": 2,
    }
    return ConfigDict(config)
