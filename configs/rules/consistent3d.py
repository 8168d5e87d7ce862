"""Consistent3D: the coarse stage (arXiv 2401.09050), two neighbouring points of one ODE.

t_next falls from 700 to 100 with the square root of progress and the text-anchored scale of the
official code from 100 to 50, which is 101 to 51 here; the noise is fixed, the gradient clipped at 2
to 8.  Scene and cameras are those of SDS.

    sdjax train --config=stable_diffusion_3d:consistent3d --workdir=runs/c3d
"""

from ml_collections import ConfigDict

from sdjax.diffusion.guided import text_anchored


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {
                "name": "consistent3d",
                "guidance_scale": (0, text_anchored(100.0), text_anchored(50.0), 3000),
            },
            "gradient": {"clip": (0, 2.0, 8.0, 3000)},
            "stages": {"steps": (3000,), "resolution": (64,), "grid": (2,)},
            "losses": {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0},
        }
    )
