"""A prompt measured: what its run has made, what the prior draws, and what would be true."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from sdjax.cameras import Camera
from sdjax.evaluation.asked import Asked
from sdjax.evaluation.judging import (
    Judge,
    Row,
    Shown,
    of_failed,
    rows_of,
    telling,
    tells_directions,
    together,
)
from sdjax.evaluation.samples import samples_of
from sdjax.evaluation.truths import Variants, bank_of, drawn
from sdjax.runs.evaluate import held_out_cameras
from sdjax.runs.finished import FinishedRun, read_run

SOURCES = ("run", "samples", "true")
SAMPLES = "samples"  # the folder of what the prior draws, beside those of the runs
SHOWN = (30.0, 210.0)  # degrees, azimuths of the views on the sheet
_SEEDS = 2**16  # of generators, away from those of training


class Measured(NamedTuple):
    """The figures of one prompt, by its sources: the particles of the run, DDIM samples of the
    prior with the same seeds, and as many true objects."""

    asked: Asked
    telling: float  # the share of true renderings whose direction the judge tells
    rows: list[Row]  # of each particle of each source
    together: list[Row]  # of each source
    wall_time: float | None  # of training and writing, seconds
    views: dict[str, UInt8[np.ndarray, "particles shown h w 3"]]  # for the sheet


def measured(config: Any, run: Any, asked: Asked, folder: Path, judge: Judge) -> Measured:
    """The figures of the finished run `<folder>/<name>` of the training configuration `run`.

    Raises a UserError where what the run has left cannot be read.
    """
    finished = read_run(folder / asked.name)
    sources = _sources(config, run, asked, folder, finished)
    share = telling(judge, sources["run"][0])
    tells = tells_directions(share, config.telling)
    rows, groups = [], []
    for name, (shown, seeds) in sources.items():
        found = rows_of(judge, asked, shown, tells)
        lost = [seed for seed in _seeds(run) if seed not in seeds]
        found += [of_failed(tells) for _ in lost]
        named = {"prompt": asked.prompt, "asked": asked._asdict(), "source": name}
        pairs = zip([*seeds, *lost], found, strict=True)
        rows += [{**named, "seed": seed, **row} for seed, row in pairs]
        groups.append({**named, **together(shown, found)})
    views = {name: _on_sheet(shown) for name, (shown, _) in sources.items()}
    return Measured(asked, share, rows, groups, finished.metrics.get("wall_time"), views)


def _sources(
    config: Any, run: Any, asked: Asked, folder: Path, finished: FinishedRun
) -> dict[str, tuple[Shown, list[int]]]:
    """What each shows, and the seeds of its particles."""
    cameras = held_out_cameras(run.camera, run.report.views)
    bank = bank_of(asked, config.bank, _SEEDS)
    own = _shown(bank, finished.views, cameras)
    samples = samples_of(run, config.samples, folder / SAMPLES / f"{asked.name}.npz")
    true = drawn(asked, run.seeds, config.bank, _SEEDS).seen(cameras, finished.views.shape[2])
    return {
        "run": (own, [row["seed"] for row in finished.metrics["seeds"]]),
        "samples": (_shown(bank, *samples, beside=own), _seeds(run)),
        "true": (own._replace(pictures=true), _seeds(run)),
    }


def _seeds(run: Any) -> list[int]:
    return [run.first_seed + index for index in range(run.seeds)]


def _shown(
    bank: Variants, pictures: np.ndarray, cameras: Camera, beside: Shown | None = None
) -> Shown:
    """Pictures with the bank seen as they are; that of others from the same cameras serves too."""
    size = pictures.shape[2]
    if beside is not None and beside.bank.shape[2] == size and _same(beside.cameras, cameras):
        return beside._replace(pictures=pictures)
    return Shown(pictures, cameras, bank.seen(cameras, size), bank.objects)


def _same(one: Camera, other: Camera) -> bool:
    return np.array_equal(np.stack(one[:4]), np.stack(other[:4]))


def _on_sheet(shown: Shown) -> np.ndarray:
    """The views whose azimuths are nearest to `SHOWN`."""
    azimuths = np.asarray(shown.cameras.azimuth)
    apart = [np.abs(np.mod(azimuths - wanted + 180.0, 360.0) - 180.0) for wanted in SHOWN]
    return shown.pictures[:, [int(one.argmin()) for one in apart]]
