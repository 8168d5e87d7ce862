"""What is measured while a run goes on: TensorBoard event files and `metrics.jsonl`."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sdjax.files.whole_files import finite, write_whole
from sdjax.reports.event_files import event_file, join_event_files
from sdjax.reports.pictures import Image, to_uint8
from sdjax.reports.thinning import Thinned

LINES, PICTURES = 10_000, 25  # that are all kept; see `Thinned`


class Scalars:
    """Writes scalars and pictures under `folder` (a context manager).

    Scalars go to TensorBoard and, one line per `log`, to `metrics.jsonl`:
    `{"step": 10, "loss/sds": 0.125}`, null for what is not finite.  Lines are on disk when `log`
    returns.  Of a long run later steps are logged more rarely (10,000 lines, and with ten times as
    many steps 23,000 more), but always the last one, and pictures likewise.

    Args:
        folder: made if it does not exist.
        first_step: the first step that will be logged.  What a resumed run had logged from
            there on is dropped, since it will be logged again.
    """

    def __init__(self, folder: str | Path, first_step: int = 0):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = folder / "metrics.jsonl"
        last = _drop_from(self._lines, first_step)
        events = folder / "tensorboard"
        join_event_files(events)
        self._events = event_file(events, first_step if any(events.glob("*")) else None)
        self._lasting, self._shown = Thinned(LINES, last), Thinned(PICTURES)
        self._left_out: tuple[int, dict[str, float]] | None = None

    def log(self, step: int, scalars: Mapping[str, float | int | np.generic]) -> None:
        """Logs named numbers; a `/` in a name makes a group in TensorBoard."""
        values = {name: float(value) for name, value in scalars.items()}
        if self._lasting.keeps(step):
            self._write(step, values)
        else:
            self._left_out = step, values

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        self._left_out = None
        for name, value in values.items():
            self._events.scalar(step, name, value)
        with self._lines.open("a") as lines:
            lines.write(json.dumps(finite({"step": step, **values})) + "\n")

    def image(self, step: int, name: str, image: Image) -> None:
        """Logs an image `[h, w, 3]`, float in [0, 1] or uint8, to TensorBoard."""
        if self._shown.keeps(step):
            self._events.image(step, name, to_uint8(image))

    def close(self) -> None:
        """Writes out the last step."""
        try:
            if self._left_out is not None:
                self._write(*self._left_out)
        finally:
            self._events.close()

    def __enter__(self) -> "Scalars":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_scalars(folder: str | Path) -> list[dict[str, float | int | None]]:
    """The lines of `metrics.jsonl` in `folder`; one that is damaged, or that a kill cut short, is
    left out."""
    path = Path(folder) / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    read = (_line(line) for line in lines if line.endswith(b"\n"))
    return [line for line in read if line is not None]


def _line(line: bytes) -> dict[str, float | int | None] | None:
    """What a line says, if it is one of ours."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_ours = isinstance(content, dict) and isinstance(content.get("step"), int)
    return content if is_ours else None


def _drop_from(path: Path, first_step: int) -> int:
    """Rewrites the file without what comes from `first_step` on; returns the last step left."""
    kept = [line for line in read_scalars(path.parent) if line["step"] < first_step]
    write_whole(path, "".join(json.dumps(finite(line)) + "\n" for line in kept))
    return max((line["step"] for line in kept), default=0)
