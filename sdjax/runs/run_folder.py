"""The folder of a training run: reopened to resume, to report again, or to go on further."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.runs.outputs import METRICS
from sdjax.runs.schema import of_former_version
from sdjax.runs.seals import read_seal
from sdjax.runs.stages import highest_resolution, stages, total_steps
from sdjax.runs.workdir import CONFIG, open_workdir, read_config, refuse_other, workdir_of

CHECKPOINTS = "checkpoints"
MAY_DIFFER = ("run", "report")  # between the parts of a resumed run


def open_run_folder(folder: Path, config: ConfigDict) -> None:
    """Makes the folder, or reopens the run in it; raises a UserError for another run's.

    A finished run goes on where `config` has its stages and further steps, at resolutions that do
    not rise: what falls in the course of a run (timestep, learning rate) goes on from the part that
    is done of all steps.  Its metrics so far become `metrics_<steps>.json`.
    """
    ignored, folder = MAY_DIFFER, workdir_of(folder)
    if not (folder / CONFIG).exists():
        _check_checkpoints(folder, config)
    finished = all((folder / name).is_file() for name in (METRICS, CONFIG))
    if finished and _goes_on(former := read_run_config(folder), config):
        ignored = (*MAY_DIFFER, "stages")
    open_workdir(folder, config, ignored, of_former_version)
    if ignored is not MAY_DIFFER:
        done = total_steps(former)
        print(f"going on after {done} of now {total_steps(config)} steps", flush=True)
        (folder / METRICS).rename(folder / f"metrics_{done}.json")


def check_same_run(config: ConfigDict, stored: Mapping[str, Any], holder: str) -> None:
    """Raises a UserError, which begins with `holder`, unless a stored configuration is that of the
    run, or of the run before it was told to go on further."""
    former = of_former_version(stored)
    ignored = (*MAY_DIFFER, "stages") if _goes_on(former, config) else MAY_DIFFER
    refuse_other(former, config.to_dict(), f"{holder} is of a run with", ignored)


def _check_checkpoints(folder: Path, config: ConfigDict) -> None:
    """Where the run's own configuration is gone, its checkpoints still know it."""
    checkpoints = [path for path in (folder / CHECKPOINTS).glob("*") if path.name.isdecimal()]
    for checkpoint in sorted(checkpoints):
        try:
            seal = read_seal(checkpoint)
        except (OSError, ValueError):
            continue  # damaged: told when it is read
        if seal is not None and seal.get("config") is not None:
            check_same_run(config, seal["config"], f"The checkpoint {checkpoint}")


def read_run_config(path: str | Path) -> FrozenConfigDict:
    """The configuration of the training run in a folder, complete.

    Raises a UserError where there is none.
    """
    stored = read_config(path).to_dict()
    if "scene" not in stored:
        raise UserError(f"--workdir={path} holds no run of sdjax.train.")
    try:
        return of_former_version(stored)
    except UserError as error:
        raise UserError(f"{Path(path) / CONFIG}: {error}") from error


def _goes_on(former: ConfigDict, config: ConfigDict) -> bool:
    """Whether `config` has the stages of `former`, the last of them longer or others after it."""
    before, after = stages(former), stages(config)
    if len(after) < len(before) or total_steps(config) <= total_steps(former):
        return False
    same_end = after[len(before) - 1]._replace(last=before[-1].last)
    alike = [*after[: len(before) - 1], same_end] == before
    longer = after[len(before) - 1].last >= before[-1].last
    return alike and longer and highest_resolution(former) == highest_resolution(config)
