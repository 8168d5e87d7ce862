"""x_t, the one-step estimate and the clean variable while DDIM, FSD, DSD and SDS draw a chair.

Figures 16 to 18 of FSD (arXiv 2405.10988) and figure 2 of DSD (arXiv 2412.06780). The rules are
those of configs/embedded_2d, all with t falling from 0.999 to 0.02, SDS too.

    python -m sdjax.analyse --config=configs/analysis/trajectories.py --workdir=runs/trajectories
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config

RUN = ("rule", "annealing", "optimizer")  # what a run takes from a training configuration


def get_config() -> ConfigDict:
    """The table."""
    return ConfigDict(
        {
            "analysis": {"name": "trajectories", "moments": 9},
            "prompt": "a chair",
            "first_seed": 0,
            "resolution": 64,
            "prior": {"name": "embedded", "data_std": 0.0},
            "camera": {"azimuths": (30.0,), "elevation": 20.0, "distance": 3.2, "fovy": 40.0},
            "ddim": {"guidance_scale": 7.5, "steps": 50, "spacing": "trailing"},
            "runs": {name.upper(): run(name) for name in ("fsd", "dsd", "sds")},
        }
    )


def run(rule: str) -> dict:
    """A rule as configs/embedded_2d leads images, on latents.

    Latents are 2 image - 1: Adam's steps become twice as long, plain ones four times.
    """
    config = load_config(Path(__file__).parents[1] / "embedded_2d" / f"{rule}.py").to_dict()
    table = {name: config[name] for name in RUN}
    table["optimizer"]["learning_rate"] *= 4 if table["optimizer"]["name"] == "sgd" else 2
    table["annealing"] = {"name": "linear", "t_max": 0.999, "t_min": 0.02}
    return {"steps": 300, **table}
