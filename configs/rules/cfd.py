"""CFD: the first stage of the official configuration (arXiv 2501.05445).

FSD whose noise sticks to the surface, and of which every step refreshes the part gamma; t falls in
three pieces.  The text-anchored scale of 70 is 71 here; the official loss has no factor 1/2, hence
the guidance weight of 2.  The official renderings of 128 pixels mix in normal maps; ours do not.
The official noise can begin on a ball of radius 0.5 (sph_warmup_steps); no official configuration
lets it, nor does this one: `--config.noise.ball_warm_up=0.05` does, for the first 5 % of the run.

    sdjax train --config=stable_diffusion_3d:cfd --workdir=runs/cfd
"""

from ml_collections import ConfigDict

from sdjax.diffusion.guided import text_anchored


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "cfd", "guidance_scale": text_anchored(70.0)},
            "noise": {"name": "surface", "gamma": (5000, 0.01, 0.0001, 10_000)},
            "annealing": {
                "name": "piecewise",
                "steps": (0, 2500, 12_500, 25_000),
                "t": (0.98, 0.692, 0.404, 0.212),
            },
            "stages": {"steps": (5000, 20_000), "resolution": (128, 512), "grid": (2, 2)},
            "camera": {"elevation": (0.0, 40.0), "distance": (1.3, 1.5), "fovy": (40.0, 65.0)},
            "losses": {"guidance": 2.0, "normal_smoothness": (5000, 1000.0, 100.0, 25_000)},
        }
    )
