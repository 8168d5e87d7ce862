"""Where a stage of training leaves its state, and who looks on."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sdjax.prior_training.fitting import Loss, Params, Plan, Report, fit
from sdjax.reports.progress import Progress
from sdjax.reports.scalars import Scalars
from sdjax.runs.checkpoints import Checkpoints


class Place(NamedTuple):
    """Where a stage leaves its state, and who may interrupt it or look on.

    config, check: of the run, as `Checkpoints` takes them.
    asked: the number of a signal after which it saves and ends, or None.
    due: whether a checkpoint is wanted besides those of the plan.
    seen: called with the stage's name and what each chunk was like.
    sheets: whether pictures are drawn beside the checkpoints of the plan, which needs Pillow.
    """

    folder: Path
    config: Mapping[str, Any] | None = None
    check: Callable[[Any, str], None] = lambda stored, where: None
    asked: Callable[[], int | None] = lambda: None
    due: Callable[[], bool] = lambda: False
    seen: Callable[[str, Report], None] = lambda stage, chunk: None
    sheets: bool = True


def fitted(
    name: str,
    loss: Loss,
    start: Params,
    batches: Any,
    plan: Plan,
    seed: tuple[int, ...],
    place: Place,
    show: Any = None,
) -> Params:
    """`fit` with checkpoints, scalars, a line of progress and, beside checkpoints, `show`.

    `start` is a table of the model's parts that learn, by their names in its `params`.
    """
    stored = place.folder / "checkpoints" / name
    with (
        Checkpoints(stored, config=place.config, check=place.check) as checkpoints,
        Scalars(place.folder / name, _last_step(stored) + 1) as scalars,
        Progress(plan.steps, name) as progress,
    ):

        def report(chunk: Report) -> None:
            scalars.log(chunk.step, chunk.terms)
            progress.update(chunk.step, chunk.terms)
            if chunk.saved and show is not None:
                show(chunk.state, chunk.step)
            place.seen(name, chunk)

        asked, due = place.asked, place.due
        return fit(loss, start, batches, plan, seed, checkpoints, report, asked, due)


def _last_step(checkpoints: Path) -> int:
    """Of the last checkpoint there; what was logged up to then stays."""
    return max((int(path.name) for path in checkpoints.glob("*") if path.name.isdigit()), default=0)
