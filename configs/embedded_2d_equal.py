"""Every rule in 2D on the embedded prior on equal terms: only the rule differs.

    sdjax train --config=embedded_2d_equal:sds --workdir=runs/equal/sds

Guidance scale 7.5 wherever a rule has one, t falling linearly from 0.98 to 0.02, one optimiser, one
start, no residual of the image; of a rule's recipe there is its own noise and weighting only.  What
each does with settings of its own is embedded_2d.py; figures of both: docs/rules.md.
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule

OWN = parts_of("embedded_2d")
BASE = merged(
    OWN.base,
    {
        "annealing": {"name": "linear", "t_max": 0.98, "t_min": 0.02},
        "scene": {"start": "estimate"},
        "optimizer": {"learning_rate": 0.05, "final": 0.1, "eps": 1e-8},
    },
)
SCALE = 7.5
FIXED = {"noise": {"name": "fixed"}}  # in 2D there is no surface and no world


def deviations(scale: float) -> dict:
    """What makes the rules equal at a guidance scale."""
    one_scale = {"rule": {"guidance_scale": scale}}
    without_image = {"rule": {"image_weight": 0.0}}
    return {
        "sds": one_scale,
        "sjc": one_scale,
        # the classifier's score alone, at all steps: there is no negative prompt
        "csd": {"rule": {"uncond_scale": 0.0, "null_scale": -1.0}},
        "nfsd": one_scale,
        "hifa": merged(one_scale, without_image),
        "ism": one_scale,
        "asd": one_scale,
        "consistent3d": {**one_scale, "gradient": {"clip": None}},
        "vsd": one_scale,
        "exact_vsd": one_scale,
        "fsd": merged(one_scale, without_image, FIXED),
        "cfd": merged(one_scale, without_image, FIXED),
        "sdi": {"rule": {"guidance_scale": scale, "noise": "cached"}},
        "dsd": {
            "rule": {
                "guidance_scale": scale,
                "base_guidance_scale": scale,
                "ode_guidance_scale": scale,
                "ode": "cached",
            }
        },
        "dsd_star": one_scale,
    }


DEVIATIONS = deviations(SCALE)
RULES = tuple(rule for rule in OWN.rules if rule not in OWN.variants)
RECIPE = ("rule", "noise")


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS, recipe_tables=RECIPE)
