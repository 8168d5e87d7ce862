"""SJC (arXiv 2212.00774): SDS with another weighting, from a chain rule on the score.

t is uniform in {10, ..., 969}, as in the official code; the scene and cameras are those of SDS.
threestudio's scale of 100 is text-anchored, which is 101 in the usual convention.

    sdjax train --config=stable_diffusion_3d:sjc --workdir=runs/sjc
"""

from ml_collections import ConfigDict

from sdjax.diffusion.guided import text_anchored


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "sjc", "guidance_scale": text_anchored(100.0)},
            "annealing": {"name": "uniform", "t_max": 0.969, "t_min": 0.01},
            "stages": {"steps": (10_000,), "resolution": (64,), "grid": (2,)},
            "losses": {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0},
        }
    )
