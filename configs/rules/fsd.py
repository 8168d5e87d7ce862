"""FSD (arXiv 2405.10988): the SDS residual with determined noise and falling t.

The paper's rule in 3D: a world map of noise spans 360 degrees, a view sees theta of them, and the
image residual uses scale 1.  Scene and cameras are those of HiFA, whose recipe the paper follows;
its weight of the image residual is HiFA's.

    sdjax train --config=stable_diffusion_3d:fsd --workdir=runs/fsd
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "fsd", "image_weight": 0.01},
            "noise": {"name": "world_map"},
            "annealing": {"name": "sqrt", "t_min": 0.3},
            "stages": {"steps": (25_000,), "resolution": (512,), "grid": (2,)},
            "losses": {"sparsity": 1.0, "z_variance": 100.0},
        }
    )
