"""x_t, the one-step estimate and the clean variable while DDIM, FSD, DSD and SDS draw a chair.

Figures 16 to 18 of FSD (arXiv 2405.10988) and figure 2 of DSD (arXiv 2412.06780). The runs are
those of configs/embedded_2d, but SDS has FSD's falling t, as in table 3 of that paper.

    python -m sdjax.analyse --config=configs/analysis/trajectories.py --workdir=runs/trajectories

About 12 s on 2 CPU cores. From seed 0 the one-step estimates of DDIM, DSD and FSD settle on one
chair early, all on the same; those of SDS, with fresh noise at every step, go over to another.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.analysis.runs import side_by_side
from sdjax.config.loading import load_config

RUNS = Path(__file__).parents[1] / "embedded_2d"


def get_config() -> ConfigDict:
    """The table."""
    files = {"FSD": "fsd.py", "DSD": "dsd.py", "SDS": "sds.py"}
    config = side_by_side({name: load_config(RUNS / file) for name, file in files.items()})
    config["seeds"] = 1
    config["runs"]["SDS"]["annealing"] = dict(config["runs"]["FSD"]["annealing"])
    config["ddim"] = {"guidance_scale": 7.5, "steps": 50, "spacing": "trailing"}
    config["analysis"] = {"name": "trajectories", "moments": 7}
    return ConfigDict(config)
