"""Every rule in 3D on the small MVDream: four views a step, one object.

    sdjax train --config=small_mv_3d:dsd --config.prior.weights=runs/mv/model \\
        --config.prompt="a blue chair" --workdir=runs/chair

Its weights, "sdjax-small-mv", do not come with this version of the package: train_mv.py makes them.
No rule was run on trained ones so far, on tiny networks in the tests.

Scene, rules and settings are those of small_3d.py, in 150 + 150 steps of four views for its 300 +
300 of one.  The prior is told the camera in place of words, and its four views are 90 degrees
apart.  `dsd` simulates its ODE in every step; `dsd_cached` has one for each of 12 rigs.
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule

ALONE = parts_of("small_3d")
BASE = merged(
    ALONE.base,
    {
        "prior": {
            "name": "mvdream",
            "weights": "sdjax-small-mv",
            "image_size": 64,
            "dtype": "float32",
            "prompts": {"view_dependent": False},
        },
        "camera": {"views": 4, "rig": 4},
        "stages": {"steps": (150, 150)},
    },
)
DEVIATIONS = merged(
    ALONE.deviations,
    {
        "consistent3d": {"gradient": {"clip": (0, 2.0, 8.0, 300)}},
        "sdi": {"stages": {"steps": (150, 150)}},
        "dsd": {"rule": {"ode": "simulated"}},
        "dsd_cached": {"rule": {"ode": "cached", "ode_at": "node", "ode_bins": 12}},
    },
)
VARIANTS = {"dsd_cached": "dsd"}
RULES = (*ALONE.rules, *VARIANTS)


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules, or the variant."""
    return with_rule(BASE, rule, RULES, DEVIATIONS, VARIANTS)
