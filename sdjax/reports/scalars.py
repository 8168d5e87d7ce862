"""What is measured while a run goes on: TensorBoard event files and `metrics.jsonl`."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sdjax.reports.pictures import Image, to_uint8


class Scalars:
    """Writes scalars and pictures under `folder` (a context manager).

    Scalars go to TensorBoard and, one line per `log`, to `metrics.jsonl`:
    `{"step": 10, "loss/sds": 0.125}`.  Lines are on disk when `log` returns.

    Args:
        folder: made if it does not exist.
        first_step: the first step that will be logged.  What a resumed run had logged from
            there on is dropped, since it will be logged again.
    """

    def __init__(self, folder: str | Path, first_step: int = 0):
        from tensorboardX import SummaryWriter

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = folder / "metrics.jsonl"
        _drop_from(self._lines, first_step)
        purge = first_step if any(folder.glob("tensorboard/*")) else None
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=purge, flush_secs=10)

    def log(self, step: int, scalars: Mapping[str, float | int | np.generic]) -> None:
        """Logs named numbers; a `/` in a name makes a group in TensorBoard."""
        values = {name: float(value) for name, value in scalars.items()}
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        with self._lines.open("a") as lines:
            lines.write(json.dumps({"step": step, **values}) + "\n")

    def image(self, step: int, name: str, image: Image) -> None:
        """Logs an image `[h, w, 3]`, float in [0, 1] or uint8, to TensorBoard."""
        self._writer.add_image(name, to_uint8(image), step, dataformats="HWC")

    def close(self) -> None:
        """Writes out what TensorBoard's writer still holds."""
        self._writer.close()

    def __enter__(self) -> "Scalars":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_scalars(folder: str | Path) -> list[dict[str, float | int]]:
    """The lines of `metrics.jsonl` in `folder`; one that a kill cut short is left out."""
    path = Path(folder) / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _drop_from(path: Path, first_step: int) -> None:
    kept = [line for line in read_scalars(path.parent) if line["step"] < first_step]
    part = path.with_suffix(".part")
    part.write_text("".join(json.dumps(line) + "\n" for line in kept))
    part.replace(path)
