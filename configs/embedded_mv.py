"""Every rule in 3D on the exact prior of four views together: what MVDream is an example of.

    sdjax train --config=embedded_mv:dsd --workdir=runs/mv/dsd

What MVDream learns is known here: the posterior of 8 houses given four views at once, 90 degrees
apart, which show one object (p(k | x^1..x^4) is the product of the four views' likelihoods).  The
bank is 27 rigs of four cameras, and a cached ODE has a joint trajectory for each rig.  Scene and
rules are those of embedded_3d.py, in 120 + 80 steps of four views for its 300 + 100 of one.
"""

from ml_collections import ConfigDict

from sdjax.config.tasks import merged, parts_of, with_rule

ALONE = parts_of("embedded_3d")
BASE = merged(
    ALONE.base,
    {
        "seeds": 4,
        "prior": {"views_together": 4},
        "camera": {"views": 4, "rig": 4},
        "stages": {"steps": (120, 80)},
    },
)
DEVIATIONS = merged(ALONE.deviations, {"sdi": {"stages": {"steps": (250, 80)}}})
RULES = ALONE.rules


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS)
