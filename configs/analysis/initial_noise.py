"""Chairs from one noise, flipped and shuffled, by DDIM, FSD, DSD and DSD*.

Figure 14 of FSD (arXiv 2405.10988).  The data are 8 chairs, each seen from four sides that are
mirror images of each other, in one mixture.

    python -m sdjax.analyse --config=configs/analysis/initial_noise.py --workdir=runs/initial_noise
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.commands.config import load_config

RUN = ("rule", "annealing", "optimizer")  # what a run takes from a training configuration


def get_config() -> ConfigDict:
    """The table."""
    names = {"FSD": "fsd", "DSD": "dsd", "DSD*": "dsd_star"}
    return ConfigDict(
        {
            "analysis": {"name": "initial_noise", "patches": 2, "shown": 3},
            "prompt": "a chair",
            "seeds": 16,
            "first_seed": 0,
            "resolution": 32,
            "prior": {"name": "embedded", "data_std": 0.0},
            "camera": {
                "azimuths": (-60.0, -30.0, 30.0, 60.0),
                "elevation": 20.0,
                "distance": 3.2,
                "fovy": 40.0,
            },
            "ddim": {"guidance_scale": 1.0, "steps": 50, "spacing": "trailing"},
            "runs": {name: run(file) for name, file in names.items()},
        }
    )


def run(rule: str) -> dict:
    """A rule as configs/embedded_2d leads images, on latents and without guidance.

    Latents are 2 image - 1: Adam's steps become twice as long, plain ones four times.
    """
    config = load_config(Path(__file__).parents[1] / "embedded_2d" / f"{rule}.py").to_dict()
    table = {name: config[name] for name in RUN}
    table["rule"] |= {name: 1.0 for name in table["rule"] if name.endswith("guidance_scale")}
    table["optimizer"]["learning_rate"] *= 4 if table["optimizer"]["name"] == "sgd" else 2
    return {"steps": sum(config["stages"]["steps"]), **table}
