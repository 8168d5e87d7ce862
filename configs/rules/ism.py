"""ISM (LucidDreamer, arXiv 2311.11284): two points of one deterministic inversion.

The interval between them shrinks from 100 to 80 timesteps.  The guidance is the official code's,
where it trains 5000 steps of Gaussian splatting; scene and cameras are those of SDS.

    sdjax train --config=stable_diffusion_3d:ism --workdir=runs/ism
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "ism", "interval": (0, 100.0, 80.0, 1500)},
            "annealing": {"name": "uniform", "t_max": (0, 0.98, 0.5, 1500)},
            "stages": {"steps": (5000,), "resolution": (512,), "grid": (2,)},
            "losses": {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0},
        }
    )
