"""Every rule in 2D on the small Stable Diffusion on equal terms: only the rule differs.

    sdjax train --config=small_2d_equal:sds --workdir=runs/equal/sds

As embedded_2d_equal.py, at guidance scale 3, where the prior draws best.  What each rule does with
settings of its own is small_2d.py; figures of both: docs/small.md.
"""

from ml_collections import ConfigDict

from sdjax.config.finding import find
from sdjax.config.tasks import merged, parts_of, run_file, with_rule

EQUAL, SMALL = run_file(find("embedded_2d_equal")[0]), parts_of("small_2d")
BASE = merged(SMALL.base, {name: EQUAL["BASE"][name] for name in ("annealing", "optimizer")})
BASE = merged(BASE, {"scene": {"start": "estimate"}})
DEVIATIONS = EQUAL["deviations"](3.0)
RULES = tuple(rule for rule in SMALL.rules if rule not in SMALL.variants)


def get_config(rule: str = "dsd") -> ConfigDict:
    """The table with one of the rules."""
    return with_rule(BASE, rule, RULES, DEVIATIONS, recipe_tables=EQUAL["RECIPE"])
