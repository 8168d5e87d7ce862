"""The table of a configuration of `sdjax.measure`, and the runs that it asks for."""

from typing import Any

from ml_collections import FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.config.fields import fraction, optional, several, text, whole
from sdjax.config.loading import Overrides, freeze, overridden, pairs, read
from sdjax.config.tables import complete, is_table
from sdjax.config.tasks import merged
from sdjax.evaluation import asked, samples, truths
from sdjax.evaluation.asked import Asked, asked_by
from sdjax.prior_training.judging import TELLING
from sdjax.runs.combinations import check_config as check_training
from sdjax.runs.outputs import REPORT
from sdjax.runs.schema import SCHEMA as TRAINING
from sdjax.runs.schema import completed
from sdjax.runs.schema import load_config as load_training
from sdjax.scene import SCENES

_REPORT = {name: field for name, field in REPORT.items() if name != "views"}
_OWN = ("prompt", "seeds")  # which the measure sets, as it does the views
SCHEMA = {
    "task": text().of("small_3d:dsd", "a configuration of sdjax.train, with its rule"),
    **asked.FIELDS,
    "seeds": whole(at_least=1).of(4, "of each prompt"),
    "views": whole(at_least=1).of(16, "held-out cameras of each seed"),
    "judge": text().of("sdjax-small-judge", "who looks at the views: a folder, or the package's"),
    "telling": fraction().of(
        TELLING, "of a prompt's true renderings, whose direction the judge tells; else none counts"
    ),
    "bank": truths.FIELDS,
    "samples": samples.FIELDS,
    "beside": optional(several(text())).of(None, "folders of other measures, for one table"),
    "train": {name: entry for name, entry in TRAINING.items() if name not in _OWN}
    | {"report": _REPORT},
}
# between two commands in one folder: each prompt's run and samples lie in a place of their own
MAY_DIFFER = ("nouns", "colours", "judge", "telling", "bank", "beside", "train.run", "train.report")


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete configuration of `sdjax.measure`: `train` is that of its task, with what the
    configuration says else; see `sdjax.config.loading.load`."""
    table, changes = read(source), pairs(overrides)
    if any(name == "train.rule.name" for name, _ in changes):
        raise UserError(
            "config.train.rule.name is given, but the rule is the task's; take "
            "--config.task=TASK:RULE."
        )
    given = [value for name, value in changes if name == "task"]
    task = str([table.get("task", SCHEMA["task"].default), *given][-1])
    own = table.get("train", {})
    train = merged(_of_task(task), own) if is_table(own) else own
    table = {**table, "task": task, "train": train}
    return freeze(complete(overridden(table, changes, SCHEMA), SCHEMA))


def _of_task(task: str) -> dict[str, Any]:
    """The training of a task, complete, without what the measure sets."""
    table = read(task)
    if not {"rule", "stages"} & set(table) or "runs" in table:
        raise UserError(
            f"config.task is {task!r}, expected a configuration of sdjax.train, such as "
            "small_3d:dsd."
        )
    train = load_training(table).to_dict()
    report = {name: train["report"][name] for name in _REPORT}
    return {name: train[name] for name in train if name not in _OWN} | {"report": report}


def runs_of(config: Any) -> dict[Asked, FrozenConfigDict]:
    """The training configuration of each prompt."""
    return {one: _run(config, one) for one in asked_by(config)}


def _run(config: Any, one: Asked) -> FrozenConfigDict:
    train = config.train.to_dict()
    own = {"prompt": one.prompt, "seeds": config.seeds}
    return completed({**train, **own, "report": {**train["report"], "views": config.views}})


def check_config(config: Any) -> None:
    """Raises a UserError for a task of pictures, and for what the runs do not allow, such as a
    prompt that the exact prior does not know."""
    if SCENES[config.train.scene.name].is_flat:
        raise UserError(
            f"config.task is {config.task!r}, whose particles are pictures, expected a task in 3D, "
            "such as small_3d:dsd."
        )
    for run in runs_of(config).values():
        check_training(run)
