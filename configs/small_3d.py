"""Every rule in 3D on the small Stable Diffusion that comes with the package.

    sdjax train --config=small_3d:dsd --config.prompt="a red mug" --workdir=runs/mug

The scene is the demo's; cameras also look from above, for which the prior knows a word.  Rules and
annealings are those of embedded_3d.py, but for what is said below.  4 seeds of DSD take 4 minutes
on 2 CPU cores; times and figures of all: docs/small.md.
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule, without

EMBEDDED = parts_of("embedded_3d")
BASE = merged(
    EMBEDDED.base,
    {
        "prompt": "a red mug",
        "seeds": 4,
        "stages": {"steps": (300, 300), "resolution": (32, 64), "grid": (40, 64)},
        "prior": {
            "name": "stable_diffusion",
            "weights": "sdjax-small",
            "image_size": 64,
            "dtype": "float32",
            "prompts": {"thresholds": (45.0, 45.0, 45.0)},
        },
        "camera": {"elevation": (-10.0, 60.0)},
        "losses": {"sparsity": 0.01},
        "optimizer": {"learning_rate": 0.03, "eps": 1e-4},  # gradients of encoders are noisy
    },
)
# The residual of the decoded image keeps colours: without it, one mug of four is red.
WITH_IMAGE = {"optimizer": {"learning_rate": 0.05, "eps": 1e-15}, "losses": {"sparsity": 0.0}}
OWN = {
    "asd": {"rule": {"guidance_scale": 3.0}},
    "vsd": {"annealing": {"t_max": 0.98}},
    # The paper's: a map of the world, and no guidance in the image's residual.
    "fsd": {
        "rule": {"guidance_scale": 3.0, "image_guidance_scale": 1.0, "image_weight": 1.0},
        "noise": {"theta": 90.0},
        **WITH_IMAGE,
    },
    "cfd": {"rule": {"guidance_scale": 3.0, "image_weight": 1.0}, **WITH_IMAGE},
    "sdi": {  # the same sign of both scales: see small_2d.py
        "rule": {"guidance_scale": 3.0, "inversion_guidance_scale": 3.0},
        "stages": {"steps": (300, 300)},
        "optimizer": {"final": 0.1},
    },
    "dsd": {  # DSD's paper has no image residual
        "rule": {
            "guidance_scale": 3.0,
            "base_guidance_scale": 3.0,
            "ode_guidance_scale": 3.0,
            "image_weight": 1.0,
        },
        "annealing": {"t_min": 0.3},
        **WITH_IMAGE,
    },
}
DEVIATIONS = merged(without(EMBEDDED.deviations, "prior"), OWN)
RULES = tuple("vsd" if rule == "exact_vsd" else rule for rule in EMBEDDED.rules)


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS)
