"""SDI: the official configuration (arXiv 2405.15891; threestudio's sdi.yaml).

The noise of every step is found by inverting the rendering in at most 10 DDIM steps with guidance
scale -7.5.  The official loss is a mean over the 64 x 64 x 4 latents, hence the weight of the
guidance; the scales are those of Perp-Neg, which need no conversion.

    sdjax train --config=stable_diffusion_3d:sdi --workdir=runs/sdi
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "sdi"},
            "stages": {"steps": (10_000,), "resolution": (512,), "grid": (2,)},
            "prior": {"prompts": {"perp_neg": "decaying"}},
            "scene": {"shading": {"start": 1000, "probability": 0.3, "textureless": 0.75}},
            "losses": {
                "guidance": 1.0 / (64 * 64 * 4),
                "orientation": 0.1,
                "sparsity": (0, 0.15, 0.0, 3000),
                "opaque": 0.1,
                "convexity": (0, 1.0, 0.1, 4000),
                "z_variance": 1.0,
            },
        }
    )
