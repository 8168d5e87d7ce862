"""x_t, the one-step estimate and the clean variable of DDIM, FSD, DSD and SDS on Stable Diffusion.

As configs/analysis/trajectories.py, with the runs of configs/stable_diffusion_2d.

    python -m sdjax.analyse --config=configs/analysis/sd_trajectories.py --workdir=runs/sd_run

Not run with real weights so far; on tiny networks of random weights in the tests.
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.analysis.runs import side_by_side
from sdjax.config.loading import load_config

RUNS = Path(__file__).parents[1] / "stable_diffusion_2d"


def get_config() -> ConfigDict:
    """The table."""
    files = {"FSD": "fsd.py", "DSD": "dsd.py", "SDS": "sds.py"}
    config = side_by_side({name: load_config(RUNS / file) for name, file in files.items()})
    config["seeds"] = 1
    config["runs"]["SDS"]["annealing"] = dict(config["runs"]["FSD"]["annealing"])
    config["ddim"] = {"guidance_scale": 7.5, "steps": 50, "spacing": "leading"}
    config["analysis"] = {"name": "trajectories", "moments": 7}
    return ConfigDict(config)
