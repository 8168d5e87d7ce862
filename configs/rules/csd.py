"""CSD (arXiv 2310.19415): the classifier's score alone, without noise and without a scale.

As in the official code, the unconditional branch has a negative prompt and takes the empty
prompt's place in the first 5000 steps.  Scene and cameras are those of SDS.

    sdjax train --config=stable_diffusion_3d:csd --workdir=runs/csd
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {
                "name": "csd",
                "uncond_scale": (0, 0.0, -1.0, 5000),
                "null_scale": (0, -1.0, 0.0, 5000),
            },
            "annealing": {"name": "uniform", "t_max": (0, 0.98, 0.5, 5000)},
            "prior": {
                "prompts": {
                    "negative": "ugly, bad anatomy, blurry, pixelated, obscure, low quality"
                }
            },
            "stages": {"steps": (5000, 5000), "resolution": (64, 512), "grid": (2, 2)},
            "losses": {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0},
        }
    )
