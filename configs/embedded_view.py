"""Every rule in 3D from one picture, on the exact prior of what it leaves open.

    sdjax train --config=embedded_view:dsd --workdir=runs/view/dsd

What Zero-1-to-3 learns is known here: of 8 facades (2 fronts with 4 backs each) the four red ones
are equally likely given the picture of a red front, and nothing else is possible.  Every step also
compares the view of the picture with it, by colour and mask, as threestudio's zero123 does, with
its weights.  Scene and rules are those of embedded_3d.py, with 200 steps of 64 pixels for 100.
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule

TEXT = parts_of("embedded_3d")
BASE = merged(
    TEXT.base,
    {
        "prompt": "a facade",
        "seeds": 4,
        "stages": {"steps": (300, 200)},
        "prior": {"image": "sdjax:red_facade.png"},
        "losses": {"reference_rgb": 500.0, "reference_mask": 50.0},
    },
)
DEVIATIONS = TEXT.deviations
RULES = TEXT.rules


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS)
