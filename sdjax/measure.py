"""How well a rule makes 3D objects of text, over all nouns:
`sdjax measure --config=measure --config.task=small_3d:dsd --workdir=runs/measure/dsd`.

Trains every prompt, one after the other, and measures what came of it; the same command again goes
on where it was interrupted, or measures what is finished anew.
"""

import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sdjax.commands import app
from sdjax.config.errors import UserError
from sdjax.config.loading import Overrides, as_stored
from sdjax.config.tables import resolve
from sdjax.evaluation.asked import Asked
from sdjax.evaluation.judging import Judge
from sdjax.evaluation.measured import Measured, measured
from sdjax.evaluation.schema import MAY_DIFFER, SCHEMA, check_config, load_config, runs_of
from sdjax.evaluation.sheet import sheet
from sdjax.evaluation.summary import content
from sdjax.evaluation.tables import COLUMNS, page
from sdjax.files.whole_files import write_json, write_whole
from sdjax.prior_training.judge_files import read_judge
from sdjax.reports.evaluation import load_metrics
from sdjax.reports.pictures import save_png
from sdjax.reports.progress import clock_time
from sdjax.runs.processes import first_does, is_first, join_processes, prepare_machine
from sdjax.runs.workdir import make_folder, open_workdir, workdir_of
from sdjax.train_all import is_trained, tell, train_all

METRICS, TABLE, SHEET = "metrics.json", "measure.md", "sheet.png"


def measure(config: Any, workdir: str | Path, overrides: Overrides = ()) -> dict[str, Any]:
    """Train what a configuration asks for, and measure it, its prior's samples and true renderings.

    The run of a prompt lies in `<workdir>/<colour>_<noun>`; `metrics.json` (every figure of every
    particle, and their means), `measure.md` and `sheet.png` are written after each.  Several
    processes divide the runs as those of `sdjax.sweep`.

    Args:
        config: a path or a name of the package's, a module with `get_config()`, a ConfigDict or a
            dict.
        workdir: the folder for everything; refused if it holds a measure of another task.
        overrides: fields of the configuration to replace, `{"nouns": ("mug",)}`.

    Returns:
        What metrics.json holds: `all`, `nouns` (`sdjax.evaluation.summary`), `particles` and
        `together` (`sdjax.evaluation.judging`), and `missing`, why a prompt has no figures.

    Raises:
        UserError: one sentence about what was wrong in the configuration, the judge or the folder,
            before anything is trained.
        InterruptedRunError: after Ctrl-C, SIGTERM or SIGHUP, once the run has saved.
    """
    config = load_config(config, overrides)
    check_config(config)
    prepare_machine()
    join_processes(config.train.run)
    judge, beside = read_judge(config.judge), _beside(config)
    first_does(lambda: make_folder(workdir))
    folder, former = workdir_of(workdir), as_stored(load_config)
    first_does(lambda: open_workdir(folder, config, MAY_DIFFER, former))
    return _Measuring(config, folder, judge, beside).all()


class _Measuring:
    """A measure on its way: what is measured so far, and why something is not."""

    def __init__(self, config: Any, folder: Path, judge: Judge, beside: Mapping[str, Any]):
        self.config, self.folder, self.judge, self.beside = config, folder, judge, beside
        self.runs = runs_of(config)
        self.found: dict[Asked, Measured] = {}
        self.failed: dict[Asked, str] = {}

    def all(self) -> dict[str, Any]:
        """What is finished is measured first, so that what is written only grows."""
        first_does(self.look)
        left, begun = [one for one in self.runs if not self.is_trained(one)], time.monotonic()
        for done, one in enumerate(left, start=1):
            self.train(one)
            first_does(self.look)
            rest = len(left) - done
            seconds = (time.monotonic() - begun) / done * rest
            tell(self.sentence(one) + (f"; {clock_time(seconds)} left for {rest}" if rest else ""))
        return self.content()

    def train(self, one: Asked) -> None:
        """Its run, unless another process has it."""
        failures, elsewhere = train_all({one.name: self.runs[one]}, self.folder)
        for problem in [*failures.values(), *["another process trains it"] * len(elsewhere)]:
            self.failed[one] = problem

    def is_trained(self, one: Asked) -> bool:
        """Whether its run is there and whole."""
        return is_trained(self.runs[one], self.folder / one.name)

    def look(self) -> None:
        """Measures what has been finished since, and writes everything."""
        for one, run in self.runs.items():
            if one not in self.found and self.is_trained(one):
                self.found[one] = measured(self.config, run, one, self.folder, self.judge)
        found = [self.found[one] for one in self.runs if one in self.found]
        write_json(self.folder / METRICS, self.content())
        write_whole(self.folder / TABLE, page(self.content(), self.beside))
        if found:
            save_png(self.folder / SHEET, sheet(found))

    def content(self) -> dict[str, Any]:
        """What metrics.json holds."""
        about = {name: self.config[name] for name in ("task", "judge", "seeds", "views")}
        missing = {
            one.prompt: self.failed.get(one, "not trained yet")
            for one in self.runs
            if one not in self.found
        }
        found = [self.found[one] for one in self.runs if one in self.found]
        told = {"least_telling": self.config.telling, "version": _version(), "missing": missing}
        return content(found, {**about, **told})

    def sentence(self, one: Asked) -> str:
        """`3 of 16: a blue house, 56.3 % ± 9.1 confirmed`."""
        done = f"{len(self.found)} of {len(self.runs)}: {one.prompt}"
        if one not in self.found:
            return f"{done}, {self.failed.get(one, 'no figures')}"
        own = content([self.found[one]], {})["all"]["run"]["confirmed"]
        return f"{done}, {COLUMNS['confirmed'].shown(own)} confirmed"


def _version() -> str:
    try:
        return version("sdjax")
    except PackageNotFoundError:  # of a clone that is not installed
        return "of a clone"


def _beside(config: Any) -> dict[str, Any]:
    """What other measures say, by the names of their folders."""
    found = {name: load_metrics(workdir_of(name) / METRICS) for name in config.beside or ()}
    for name, metrics in found.items():
        if not {"all", "task", "prompts"} <= set(metrics):
            raise UserError(f"config.beside has {name}, expected the folder of a measure.")
    return found


def _main(values: Any) -> None:
    measure(values.config, values.workdir, values.config_field)
    if is_first():
        print((workdir_of(values.workdir) / TABLE).read_text(encoding="utf-8"))


COMMAND = app.Command(
    "measure",
    __doc__,
    main=_main,
    define=lambda: app.define_workdir("the folder for all runs and figures"),
    load=load_config,
    fields=lambda config: dict(resolve(SCHEMA, config)),
)
if __name__ == "__main__":
    app.run(COMMAND)
