"""Tasks: configuration files that take a rule, `--config=configs/embedded_2d.py:dsd`.

A task is a table of what all its rules share; a rule brings its published recipe
(`configs/rules/<rule>.py`) and the task says what of it is different there.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from sdjax.config.errors import UserError, did_you_mean
from sdjax.config.finding import find
from sdjax.config.loading import read, run_file
from sdjax.config.tables import is_table

OF_A_RULE = ("rule", "annealing", "noise", "gradient")
Table = Mapping[str, Any]


def with_rule(
    base: Table,
    rule: str,
    rules: Sequence[str],
    deviations: Mapping[str, Table],
    variants: Mapping[str, str] = {},
    recipe_tables: Sequence[str] = OF_A_RULE,
) -> ConfigDict:
    """The task with one of its `rules`: `base`, then `recipe_tables` of the rule's recipe, then the
    rule's `deviations`; one of `variants` has the recipe and the deviations of the rule that it
    names, too.  Raises a UserError for a rule that the task has not."""
    if rule not in rules:
        raise UserError(
            f"config.rule.name is '{rule}', expected one of {', '.join(rules)} in this task"
            f"{did_you_mean(rule, rules)}"
        )
    of = variants.get(rule, rule)
    recipe = {name: table for name, table in recipe_of(of).items() if name in recipe_tables}
    named = [of] if of == rule else [of, rule]
    return ConfigDict(merged(base, recipe, *(deviations.get(name, {}) for name in named)))


def recipe_of(rule: str) -> dict[str, Any]:
    """The tables of a rule's published recipe."""
    return read(f"rules/{rule}")


def merged(*tables: Table) -> dict[str, Any]:
    """Tables over each other: later fields replace earlier ones, and a later table that names
    another kind takes the whole place of the earlier."""
    result: dict[str, Any] = {}
    for table in tables:
        for name, value in table.items():
            if is_table(value):
                former = result.get(name, {})
                former = former if is_table(former) else {}
                renamed = "name" in value and value["name"] != former.get("name", value["name"])
                value = merged({} if renamed else former, value)
            result[name] = value
    return result


class Parts(NamedTuple):
    """What a task is made of."""

    base: dict[str, Any]
    rules: tuple[str, ...]
    deviations: dict[str, Any]
    variants: dict[str, str]


def parts_of(task: str | os.PathLike) -> Parts:
    """Those of a task, for another that is built on it."""
    path = find(task)[0]
    defined = run_file(path)
    if not {"BASE", "RULES"} <= set(defined):
        raise UserError(f"{path} is no task, expected a file that has BASE and RULES.")
    found = (defined.get(name, {}) for name in ("DEVIATIONS", "VARIANTS"))
    return Parts(defined["BASE"], defined["RULES"], *found)


def without(deviations: Mapping[str, Table], table: str) -> dict[str, Any]:
    """Deviations but for one table of each rule's, such as the prior of another task."""
    return {
        rule: {name: value for name, value in tables.items() if name != table}
        for rule, tables in deviations.items()
    }
