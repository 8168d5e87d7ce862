"""Several runs side by side: `sdjax compare --workdir=runs/2d`.

Reads what finished runs (and samples) have left in the subfolders of a folder, and writes
`comparison.png` and `comparison.md`.
"""

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from sdjax.commands import app, process_options
from sdjax.config.errors import UserError, nearest
from sdjax.files.whole_files import write_whole
from sdjax.reports import markdown
from sdjax.reports.pictures import contact_sheet, save_png
from sdjax.runs.finished import FinishedRun, is_finished, read_run
from sdjax.runs.processes import first_does, is_first
from sdjax.runs.workdir import make_folder, workdir_of

PICTURE, TABLE = "comparison.png", "comparison.md"
SHOWN_IMAGES = 16  # of a run of images
SHOWN_OBJECTS = 8  # of a run of objects
_CHOOSE = "(choose some with --runs)"


def compare(workdir: str | Path, out: str | Path | None = None, runs: Sequence[str] = ()) -> Path:
    """Write `comparison.png` and `comparison.md` about the runs in the folders of `workdir`; of
    several processes the first does.

    Args:
        workdir: a folder whose subfolders hold runs; those that are not finished are left out, and
            with a warning those that are damaged, or of another prompt or size than most.
        out: where to write; `workdir` if None.
        runs: names of subfolders, in the order wanted; all by name if empty.

    Returns:
        The path of the picture.

    Raises:
        UserError: if there is no finished run that can be read, if as many runs are of one prompt
            and size as of another, or if the folder cannot be written.
    """
    workdir = workdir_of(workdir)
    folder = workdir if out is None else workdir_of(out, "--out")
    first_does(lambda: write_comparison(workdir, folder, runs))
    return folder / PICTURE


def write_comparison(workdir: Path, folder: Path, runs: Sequence[str] = ()) -> None:
    """`compare` in a process that asks no other."""
    finished = _alike(_readable(workdir, runs))
    make_folder(folder)
    save_png(folder / PICTURE, picture(finished))
    write_whole(folder / TABLE, table(finished))


def picture(runs: Sequence[FinishedRun]) -> Any:
    """The true objects, if any, then the first seeds of every run, a row each; objects are seen
    from the front and from behind."""
    first = runs[0]
    shown = _shown_views(first.views.shape[1])
    is_image = len(shown) == 1
    number = SHOWN_IMAGES if is_image else SHOWN_OBJECTS
    rows, labels = [], []
    if len(first.truths):
        rows, labels = [list(first.truths[:number, shown[0]])], ["true objects"]
    for run in runs:
        rows += [list(run.views[:number, view]) for view in shown]
        labels += [_label(run), "from behind"][: len(shown)]
    return contact_sheet(rows, labels, scale=1 if is_image else 2)


def table(runs: Sequence[FinishedRun]) -> str:
    """The numbers of every run as a Markdown table; a column that no run fills is left out."""
    rows = [_numbers(run) for run in runs]
    columns = [name for name in rows[0] if any(row[name] != "" for row in rows)]
    lines = [columns, *([row[name] for name in columns] for row in rows)]
    prompt = markdown.escaped(runs[0].metrics["prompt"])
    return f"Prompt: {prompt}\n\n{markdown.table(lines)}"


def _numbers(run: FinishedRun) -> dict[str, str]:
    metrics = run.metrics
    several = metrics["views"] > 1
    return {
        "run": run.folder.name,
        "rule": run.rule,
        "guidance scale": _scale(run),
        "seeds": str(len(metrics["seeds"])),
        "objects found": _found(metrics),
        "PSNR median": _show(metrics, "psnr_median", "{:.1f} dB"),
        "PSNR mean": _show(metrics, "psnr_mean", "{:.1f} dB"),
        "PSNR of the picture's view": _show(metrics, "psnr_reference_mean", "{:.1f} dB"),
        "views agree": _show(metrics, "view_agreement_mean", "{:.0%}") if several else "",
        "diversity": "" if len(run.truths) else _show(metrics, "diversity", "{:.3f}"),
        "rms to DDIM": _show(metrics, "rms_to_ddim", "{:.3f}"),
        "agrees with DDIM": _show(metrics, "agreement_with_ddim", "{:.0%}"),
        "steps/s": _show(metrics, "steps_per_second", "{:.3g}"),
        "wall time": _show(metrics, "wall_time", "{:.0f} s"),
    }


def _show(metrics: dict[str, Any], name: str, form: str) -> str:
    return "" if metrics.get(name) is None else form.format(metrics[name])


def _label(run: FinishedRun) -> str:
    """Three lines, which is what fits beside a small image."""
    metrics, scale = run.metrics, _scale(run)
    title = f"{run.rule}, scale {scale}" if scale else run.rule
    if not len(run.truths):
        return f"{title}\ndiversity {metrics['diversity']:.3f}"
    notes = []
    if metrics["views"] > 1:
        notes = [f"{metrics['view_agreement_mean']:.0%} of views agree"]
    if metrics.get("agreement_with_ddim") is not None:
        notes = [f"{metrics['agreement_with_ddim']:.0%} as DDIM"]
    decibels = f"{metrics['psnr_median']:.1f} dB"
    return "\n".join([title, f"{_found(metrics)} objects, {decibels}", *notes])


def _scale(run: FinishedRun) -> str:
    """A number, or the first and last value of one that changes."""
    scale = run.guidance_scale
    if scale is None:
        return ""
    if isinstance(scale, int | float):
        return f"{scale:g}"
    return f"{scale[0]:g}" if len(scale) == 1 else f"{scale[1]:g} to {scale[2]:g}"


def _found(metrics: dict[str, Any]) -> str:
    return f"{metrics['modes_found']} of {metrics['objects']}" if "modes_found" in metrics else ""


def _shown_views(views: int) -> list[int]:
    """The views go around the object once: one from the front, slightly turned, and its
    opposite."""
    front = views // 16
    return [front] if views == 1 else [front, front + views // 2]


def _folders(workdir: Path, names: Sequence[str]) -> list[Path]:
    """The folders of finished runs in the order of `names`, or all by name."""
    finished = {path.name: path for path in _inside(workdir) if is_finished(path)}
    if not finished:
        raise UserError(f"--workdir={workdir} holds no folder with a finished run.")
    for name in names:
        if name not in finished:
            raise UserError(
                f"--runs has {name}, but --workdir={workdir} holds no finished run of that name; "
                f"the nearest is {nearest(name, finished)}."
            )
    return [finished[name] for name in names or finished]


def _inside(workdir: Path) -> list[Path]:
    if not os.path.isdir(workdir):
        raise UserError(f"--workdir={workdir} is not a folder; expected one that holds runs.")
    try:
        return sorted(workdir.iterdir())
    except OSError as error:
        raise UserError(f"--workdir={workdir} cannot be read ({error.strerror}).") from error


def _readable(workdir: Path, names: Sequence[str]) -> list[FinishedRun]:
    """The finished runs; one that cannot be read is told, and costs the others nothing."""
    runs = []
    for folder in _folders(workdir, names):
        try:
            runs.append(read_run(folder))
        except UserError as error:
            warnings.warn(f"{folder.name} is left out: {error}", stacklevel=3)
    if not runs:
        raise UserError(f"--workdir={workdir} holds no finished run that can be read.")
    return runs


def _alike(runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """Those of the most common prompt and cameras, as only they stand side by side; the others are
    told.  A UserError where no kind of run is the most common."""
    counts = Counter(map(_kind, runs)).most_common(2)
    (kind, most), *others = counts
    if others and others[0][1] == most:
        one, other = (next(run for run in runs if _kind(run) == kind) for kind, _ in counts)
        raise UserError(f"{_difference(one, other)}; expected runs of one kind {_CHOOSE}.")
    kept = [run for run in runs if _kind(run) == kind]
    for run in runs:
        if _kind(run) != kind:
            sentence = f"{run.folder.name} is left out: {_difference(run, kept[0])} {_CHOOSE}."
            warnings.warn(sentence, stacklevel=3)
    return kept


def _kind(run: FinishedRun) -> tuple[str, tuple[int, ...]]:
    return run.metrics["prompt"], run.views.shape[1:]


def _difference(run: FinishedRun, other: FinishedRun) -> str:
    named = zip(("the prompt", "views of shape"), _kind(run), _kind(other), strict=True)
    what, here, there = next(row for row in named if row[1] != row[2])
    return f"{run.folder} has {what} {here}, but {other.folder} has {there}"


def _define() -> None:
    app.define_workdir("the folder that holds the runs")
    flags.DEFINE_string("out", None, "the folder to write to; by default the same")
    flags.DEFINE_list("runs", [], "names of subfolders in the order wanted; by default all")
    process_options.define()


def _main(values: Any) -> None:
    process_options.join(values)
    path = compare(values.workdir, values.out, values.runs)
    if is_first():
        print(path)


COMMAND = app.Command(
    "compare",
    __doc__,
    main=_main,
    define=_define,
)
if __name__ == "__main__":
    app.run(COMMAND)
