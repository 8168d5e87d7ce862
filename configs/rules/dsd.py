"""DSD: the official low-resolution configuration (arXiv 2412.06780).

Each seed follows a DDIM ODE of its own, simulated in at most 10 steps; 128, then 512 pixels.  The
scales are those of Perp-Neg, which need no conversion: 7.5 for the ODE and the first term, 1 for
the second.  (The official lower bound of 10 on t_delta late in the run never binds at t >= 320.)
Losses and light are SDI's, but for a constant convexity.

    sdjax train --config=stable_diffusion_3d:dsd --workdir=runs/dsd
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "dsd"},
            "stages": {"steps": (5000, 5000), "resolution": (128, 512), "grid": (2, 2)},
            "prior": {"prompts": {"perp_neg": "decaying"}},
            "scene": {
                "background": "random",
                "shading": {"start": 1000, "probability": 0.3, "textureless": 0.75},
            },
            "losses": {
                "orientation": 0.1,
                "sparsity": (0, 0.15, 0.0, 3000),
                "opaque": 0.1,
                "convexity": 1.0,
                "z_variance": 1.0,
            },
        }
    )
