"""Which rules an analysis of one particle can follow."""

from typing import Any

from sdjax.config.errors import UserError
from sdjax.rules.contract import Rule


def of_one_particle(rule: Any) -> Rule:
    """The rule itself; raises `UserError` for one whose particles share something."""
    if not isinstance(rule, Rule):
        raise UserError(
            "The rule trains several particles together, expected one that leads each on its own, "
            "such as FSD or DSD."
        )
    return rule
