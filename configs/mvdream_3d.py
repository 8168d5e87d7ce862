"""Every rule in 3D on MVDream: threestudio's mvdream-sd21 (arXiv 2308.16512), its views together.

    sdjax train --config=mvdream_3d:sds --config.prior.weights=... --workdir=runs/mvdream

`prior.weights` is a folder in the layout of the diffusers port, a hub id, or an original checkpoint
saved as one .safetensors file, with `prior.tokenizer` beside it:

    ashawkey/mvdream-sd2.1-diffusers    sd-v2.1-base-4view, in that layout (hashes not verified)
    MVDream/MVDream                     the original .pt files; to be converted first

Four orthogonal views of one lens and height a step; eight, then four pictures.  `sds` is the
official rule: the reconstruction loss with `recon_std_rescale` 0.5, scale 50, and a range of t that
falls until step 8,000.  `cfd` is CFD's mvdream-stage1 (scale 50, constant weight).  The other rules
have their own published scales and timesteps, in this scene.  Unlike threestudio, rays have 64
samples placed by 64 proposals, and both parts of the hash grid have a learning rate of 0.01.

Objects face azimuth 0 (`prior.front=-90` is threestudio's world).

Not run with real weights so far, so there are no times and figures; end to end on tiny networks of
random weights (tests/test_multiview_runs.py).
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import with_rule

BASE = {
    "prompt": "an astronaut riding a horse",
    "prior": {
        "name": "mvdream",
        "weights": "ashawkey/mvdream-sd2.1-diffusers",
        "prompts": {
            "view_dependent": False,
            "negative": (
                "ugly, bad anatomy, blurry, pixelated obscure, unnatural colors, poor lighting, "
                "dull, and unclear, cropped, lowres, low quality, artifacts, duplicate, morbid, "
                "mutilated, poorly drawn face, deformed, dehydrated, bad proportions"
            ),
        },
    },
    "stages": {
        "steps": (5000, 5000),
        "resolution": (64, 256),
        "grid": (2, 2),
        "views": (8, 4),
    },
    "camera": {
        "views": 4,
        "rig": 4,
        "elevation": (0.0, 30.0),
        "distance": (0.8, 1.0),
        "relative_distance": True,
        "fovy": (15.0, 60.0),
        "even_degrees": 0.5,
    },
    "scene": {
        "name": "hash_grid",
        "radius": 1.0,
        "samples": 64,
        "proposals": 64,
        "chunk": 4096,
        "background": "random",
        "shading": {"name": "albedo"},
    },
    "optimizer": {"name": "adamw", "background_learning_rate": 0.001},
    "run": {"checkpoint_every": 500},
    "report": {"frames": 120, "turntable_resolution": 256, "mesh_resolution": 256},
}
CACHED = {"ode": "cached", "ode_at": "node", "ode_bins": 12, "ode_dtype": "bfloat16"}
DEVIATIONS = {
    "sds": {
        "rule": {
            "guidance_scale": 50.0,
            "weighting": "sigma_over_alpha",
            "recon_std_rescale": 0.5,
        },
        "annealing": {
            "t_min": (0, 0.98, 0.02, 8000),
            "t_max": (0, 0.98, 0.5, 8000),
            "exact": True,
        },
    },
    "cfd": {
        "rule": {"guidance_scale": 50.0, "weighting": "constant"},
        "noise": {"gamma": 0.0001},
        "annealing": {"steps": (0, 5000, 10_000), "t": (0.98, 0.596, 0.308)},
    },
    "dsd_cached": {"rule": CACHED},  # 12 rigs of four views, exact at their azimuths
}
VARIANTS = {"dsd_cached": "dsd"}
RULES = (
    "sds", "sjc", "csd", "nfsd", "hifa", "ism", "asd", "consistent3d", "vsd", "fsd", "cfd", "sdi",
    "dsd", *VARIANTS,
)  # fmt: skip


def get_config(rule: str = "sds") -> ConfigDict:
    """The table with one of the rules, or the variant."""
    return with_rule(BASE, rule, RULES, DEVIATIONS, VARIANTS)
