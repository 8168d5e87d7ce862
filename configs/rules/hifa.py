"""HiFA: threestudio's configuration (arXiv 2305.18766).

t falls from 0.98 to 0.3 with the square root of progress, and the image itself is drawn to the
decoded estimate with a weight of 0.01.  threestudio trains the hash grid with 0.01 and its network
with 0.001; here both have 0.01.

    sdjax train --config=stable_diffusion_3d:hifa --workdir=runs/hifa
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "hifa", "image_weight": 0.01},
            "stages": {"steps": (25_000,), "resolution": (512,), "grid": (2,)},
            "losses": {"sparsity": 1.0, "z_variance": 100.0},
        }
    )
