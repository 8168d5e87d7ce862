"""ASD (ScaleDreamer, arXiv 2407.02040): a noisier timestep for VSD's second network.

Scale 7.5, t uniform in a range that moves from [0.5, 0.98] to [0.02, 0.5]: guidance as in the
official code, which trains one generator for many prompts; scene and cameras are those of SDS.

    sdjax train --config=stable_diffusion_3d:asd --workdir=runs/asd
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "asd", "perp_neg_scale": 0.5},
            "annealing": {
                "name": "uniform",
                "t_max": (0, 0.98, 0.5, 10_000),
                "t_min": (0, 0.5, 0.02, 10_000),
            },
            "prior": {"prompts": {"perp_neg": "decaying"}},
            "stages": {"steps": (5000, 5000), "resolution": (64, 512), "grid": (2, 2)},
            "losses": {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0},
        }
    )
