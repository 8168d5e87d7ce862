"""Every rule from one picture on Zero-1-to-3: threestudio's zero123 (arXiv 2303.11328).

    sdjax train --config=zero123_3d:dsd --config.prior.weights=... \\
        --config.prior.image=picture.png --workdir=runs/zero123

`prior.image` is a picture with transparency around one object, or a picture and a mask
(`prior.mask`), taken from `prior.image_elevation` degrees above the horizon; what it shows is the
front.  `prior.weights` is a folder in diffusers' layout, a hub id, or an original checkpoint saved
as one .safetensors file:

    ashawkey/zero123-xl-diffusers       Zero123-XL, in that layout (hashes not verified)
    ashawkey/stable-zero123-diffusers   Stable Zero123: with --config.prior.pose=elevation

A step compares the view of the picture with it (rgb 500, mask 50) and guides 12, 4, then 2 others.
`sds` is the official rule at its scale of 3 (in a hash grid whose network has one hidden layer, not
two); the other rules have that scale and their own timesteps, over these 600 steps.  A seed of DSD
has an ODE of its own from everywhere, so that seeds may differ where the picture says nothing, at
the back.

Not run with real weights so far, so there are no times and figures; end to end on tiny networks of
random weights (tests/test_multiview_runs.py).
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import with_rule

BASE = {
    "prompt": "the object of the picture",
    "prior": {"name": "zero123", "weights": "ashawkey/zero123-xl-diffusers"},
    "stages": {
        "steps": (200, 100, 300),
        "resolution": (64, 128, 256),
        "grid": (2, 2, 2),
        "views": (12, 4, 2),
        "reference_resolution": (128, 256, 512),
    },
    "camera": {
        "elevation": (-10.0, 80.0),
        "distance": (3.8, 3.8),
        "fovy": (20.0, 20.0),
        "even_degrees": 0.5,
    },
    "scene": {
        "name": "hash_grid",
        "radius": 2.0,
        "samples": 64,
        "proposals": 64,
        "chunk": 4096,
        "background": "white",
        "shading": {"name": "albedo"},
    },
    "losses": {
        "guidance": 0.1,
        "reference_rgb": 500.0,
        "reference_mask": 50.0,
        "normal_smoothness": 8.0,
        "normal_smoothness_3d": 8.0,
        "orientation": 1.0,
        "sparsity": 0.1,
        "opaque": 0.1,
    },
    "optimizer": {"name": "adam", "eps": 1e-8},
    "run": {"checkpoint_every": 100},
    "report": {"frames": 120, "turntable_resolution": 256, "mesh_resolution": 256},
}
SCALE = {"rule": {"guidance_scale": 3.0}}
CACHED = {"ode": "cached", "ode_at": "node", "ode_bins": 64, "ode_dtype": "bfloat16"}
DEVIATIONS = {
    "sds": {
        **SCALE,
        "annealing": {
            "t_min": (0, 0.4, 0.2, 200),
            "t_max": (0, 0.85, 0.5, 200),
            "exact": True,
        },
    },
    **dict.fromkeys(("sjc", "hifa", "fsd"), SCALE),
    # What falls in the course of a recipe's own thousands of steps falls in these 600.
    "csd": {
        "rule": {"uncond_scale": (0, 0.0, -1.0, 300), "null_scale": (0, -1.0, 0.0, 300)},
        "annealing": {"t_max": (0, 0.98, 0.5, 300)},
    },
    "ism": {
        "rule": {"guidance_scale": 3.0, "interval": (0, 100.0, 80.0, 180)},
        "annealing": {"t_max": (0, 0.98, 0.5, 180)},
    },
    "asd": {
        **SCALE,
        "annealing": {"t_max": (0, 0.98, 0.5, 600), "t_min": (0, 0.5, 0.02, 600)},
    },
    "consistent3d": {**SCALE, "gradient": {"clip": (0, 2.0, 8.0, 600)}},
    "vsd": {**SCALE, "annealing": {"t_max": (300, 0.98, 0.5, 300)}},
    "cfd": {
        **SCALE,
        "noise": {"gamma": (120, 0.01, 0.0001, 240)},
        "annealing": {"steps": (0, 60, 300, 600)},
    },
    "sdi": {"rule": {"guidance_scale": 3.0, "inversion_guidance_scale": -3.0}},
    "dsd": {"rule": {"guidance_scale": 3.0, "ode_guidance_scale": 3.0}},
    "dsd_cached": {"rule": CACHED},  # 64 directions, each exact at its own
}
VARIANTS = {"dsd_cached": "dsd"}
RULES = (
    "sds", "sjc", "csd", "nfsd", "hifa", "ism", "asd", "consistent3d", "vsd", "fsd", "cfd", "sdi",
    "dsd", *VARIANTS,
)  # fmt: skip


def get_config(rule: str = "sds") -> ConfigDict:
    """The table with one of the rules, or the variant."""
    return with_rule(BASE, rule, RULES, DEVIATIONS, VARIANTS)
