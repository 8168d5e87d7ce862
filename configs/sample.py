"""Sixteen chairs drawn by DDIM from the embedded prior: what 2D score distillation should find.

Seed k starts from the noise that FSD and DSD fix for seed k, so that the pictures can be compared
seed by seed with those of configs/embedded_2d.  With several azimuths, all views of a seed start
from the same noise: how far they show one object is how far one noise chooses one object.

    python -m sdjax.sample --config=configs/sample.py --workdir=runs/sample

Takes a few seconds on two cores.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table."""
    return ConfigDict(
        {
            "prompt": "a chair",
            "seeds": 16,
            "first_seed": 0,
            "resolution": 64,
            "steps": 50,
            "spacing": "trailing",
            "eta": 0.0,
            "guidance_scale": 7.5,
            "prior": {"name": "embedded", "data_std": 0.0},
            "camera": {
                "azimuths": (30.0,),
                "elevation": 20.0,
                "distance": 3.2,
                "fovy": 40.0,
            },
        }
    )
