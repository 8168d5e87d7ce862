"""SDS: threestudio's dreamfusion-sd (DreamFusion, arXiv 2209.14988).

Fresh noise and a random timestep at every step.  threestudio's guidance scale of 100 is
text-anchored, which is 101 in the usual convention.  Its renderings have 64 pixels throughout;
`--config.stages.steps=5000,5000 --config.stages.resolution=64,512 --config.stages.grid=2,2`
sharpens them.

    sdjax train --config=stable_diffusion_3d:sds --workdir=runs/sds
"""

from ml_collections import ConfigDict

from sdjax.diffusion.guided import text_anchored


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "sds", "guidance_scale": text_anchored(100.0)},
            "stages": {"steps": (10_000,), "resolution": (64,), "grid": (2,)},
            "losses": {"orientation": (0, 10.0, 1000.0, 5000), "sparsity": 1.0},
        }
    )
