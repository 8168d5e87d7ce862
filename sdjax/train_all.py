"""The runs of a sweep, one after the other, beside other processes that train them too."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
from ml_collections import FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.runs.finished import is_finished, read_run
from sdjax.runs.lock import InUseError
from sdjax.runs.processes import from_every_process, is_first
from sdjax.runs.run_folder import read_run_config
from sdjax.runs.workdir import refuse_other
from sdjax.train import train

MAY_DIFFER = ("run",)  # of a run that is finished: how it was run


class FinishedError(Exception):
    """Another process has just finished the run."""


class Result(NamedTuple):
    """What became of a run."""

    is_new: bool = True  # it was trained now
    is_elsewhere: bool = False  # it is another process's
    problem: str = ""


def train_all(
    runs: Mapping[str, FrozenConfigDict], workdir: Path
) -> tuple[dict[str, str], list[str]]:
    """Trains those that are neither finished nor held by others, each in the folder of its name.

    Returns what went wrong, by the names of runs, and which runs others have.
    """
    left, failures, is_new = dict(runs), {}, True
    while left and is_new:  # what others had may be free now, and unfinished if they were killed
        is_new, elsewhere = False, {}
        for name, config in left.items():
            result = _train(config, workdir / name)
            is_new = is_new or result.is_new
            if result.is_elsewhere:
                elsewhere[name] = config
            elif result.problem:
                failures[name] = result.problem
        left = elsewhere
    return failures, list(left)


def is_trained(config: FrozenConfigDict, folder: Path) -> bool:
    """Whether the run is there and whole, on whatever devices it was trained; for what is damaged
    `train` finds the words."""
    if not is_finished(folder):
        return False
    try:
        read_run(folder)
        former = read_run_config(folder)
        refuse_other(former, config, f"--workdir={folder} holds a run with", MAY_DIFFER)
    except UserError:
        return False
    return True


def tell(text: str) -> None:
    """Of several processes the first does."""
    if is_first():
        print(text, flush=True)


def _train(config: FrozenConfigDict, folder: Path) -> Result:
    """What the first process says, where several train the run together."""
    result = from_every_process(_train_unless_finished(config, folder))[0]
    return Result(*result)


def _train_unless_finished(config: FrozenConfigDict, folder: Path) -> Result:
    """Asked once more when the folder is ours: another process may just have finished it."""

    def is_finished_now():
        return from_every_process(is_first() and is_trained(config, folder))[0]

    def check_unfinished():
        if is_finished_now():
            raise FinishedError

    if is_finished_now():
        return Result(is_new=False)
    tell(f"== {folder}")
    try:
        evaluation = train(config, folder, before=check_unfinished)
    except FinishedError:
        tell("another process has trained it")
        return Result(is_new=False)
    except InUseError:
        tell("another process trains it")
        return Result(is_new=False, is_elsewhere=True)
    except UserError as error:
        tell(f"sdjax: error: {error}")
        return Result(problem=str(error))
    finally:
        jax.clear_caches()  # no two rules share a program
    failed = evaluation.metrics.get("failed", ())
    return Result(problem=f"{len(failed)} seeds became infinite or NaN" if failed else "")
