"""What a finished run, or samples, have left in their folder; told apart from anything else."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.fields import Field, changing, number, optional, text, whole
from sdjax.config.kinds import Table
from sdjax.config.tables import is_table, short
from sdjax.reports.evaluation import load_metrics, load_views
from sdjax.rules import RULES
from sdjax.runs.outputs import METRICS, VIEWS
from sdjax.runs.workdir import CONFIG, read_config

DDIM = "DDIM"  # the rule of a run of samples
LONGEST = 40  # letters of a rule's name that is shown
SCALE = optional(changing(number()))
NEEDED = {
    "prompt": text(),
    "views": whole(at_least=1),
    "seeds": Field("a list of seeds", lambda value: isinstance(value, list)),
    "diversity": number(),
}
OF_TRUTHS = {  # where the true objects are known
    "objects": whole(at_least=1),
    "modes_found": whole(at_least=0),
    "psnr_mean": number(),
    "psnr_median": number(),
    "view_agreement_mean": number(),
}
# numbers that not every run has
MORE = ("rms_to_ddim", "agreement_with_ddim", "steps_per_second", "wall_time")


class FinishedRun(NamedTuple):
    """What a run has left in its folder."""

    folder: Path
    rule: str
    guidance_scale: float | int | tuple | None  # None of a rule without one
    metrics: dict[str, Any]
    views: Any  # uint8 [particles, views, h, w, 3]
    truths: Any  # uint8 [objects, views, h, w, 3]; no objects where none are known


def is_finished(folder: Path) -> bool:
    """Whether a folder has the files of a finished run; one that cannot be entered has none."""
    return all(os.path.isfile(folder / name) for name in (METRICS, VIEWS))


def read_run(folder: Path) -> FinishedRun:
    """What the finished run in a folder has left.

    Raises a UserError, one sentence, where a file is missing, damaged or of something else.
    """
    rule, scale = _rule(read_config(folder), folder / CONFIG)
    views, truths = load_views(folder / VIEWS)
    metrics = load_metrics(folder / METRICS)
    fields = NEEDED | (OF_TRUTHS if len(truths) else {})
    fields |= {name: number() for name in MORE if metrics.get(name) is not None}
    _check(metrics, fields, folder / METRICS)
    if metrics["views"] != views.shape[1]:
        raise UserError(
            f"{folder / VIEWS} has {views.shape[1]} views and {METRICS} {metrics['views']}, "
            "expected as many."
        )
    return FinishedRun(folder, rule, scale, metrics, views, truths)


def _rule(config: FrozenConfigDict, file: Path) -> tuple[str, Any]:
    """The rule's title and its guidance scale."""
    rule = config.get("rule")
    if rule is None:
        table, title = config, DDIM
    else:
        table = rule if is_table(rule) else {"name": rule}
        _check(table, {"name": text()}, file)
        title = _title(table["name"])
    scale = table.get("guidance_scale")
    _check({"guidance_scale": scale}, {"guidance_scale": SCALE}, file)
    return title, scale


def _title(rule: str) -> str:
    """Of a rule that a later version may not have, its name in capitals."""
    return RULES[rule].title if rule in RULES else rule.upper()[:LONGEST]


def _check(table: Table, fields: Mapping[str, Field], file: Path) -> None:
    for name, field in fields.items():
        if not field.accepts(table.get(name)):
            raise UserError(
                f"{file} is not that of a run: {name} is {short(table.get(name))}, "
                f"expected {field.expected}."
            )
