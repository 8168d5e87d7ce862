"""TensorBoard's event files: each start of a run adds one, and many are joined to one."""

import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

MOST = 8  # files in a folder
_HEADER, _FOOTER = 12, 4  # bytes around a record: its length and two checksums


class EventFile:
    """A new event file, written at once and by whoever calls: where the disk is full the caller
    gets the OSError (tensorboardX's `SummaryWriter` writes in a thread, which would die of it).

    Args:
        folder: made if it does not exist.
        purge_step: TensorBoard drops what the files before have from this step on; None: nothing.
    """

    def __init__(self, folder: Path, purge_step: int | None = None):
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        folder.mkdir(parents=True, exist_ok=True)
        suffix = f".{os.getpid()}"  # unlike that of a start in the same second
        self._event = Event
        self._file = EventsWriter(str(folder / "events"), suffix)
        if purge_step is not None:
            begun = SessionLog(status=SessionLog.START)
            self._file.write_event(Event(step=purge_step, session_log=begun))

    def scalar(self, step: int, name: str, value: float) -> None:
        """Adds a number."""
        from tensorboardX import summary

        self._add(step, summary.scalar(name, value))

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Adds a picture, uint8 [h, w, 3]."""
        from tensorboardX import summary

        self._add(step, summary.image(name, pixels, dataformats="HWC"))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _add(self, step: int, entry: Any) -> None:
        self._file.write_event(self._event(wall_time=time.time(), step=step, summary=entry))
        self._file.flush()


class NoEvents:
    """In place of an `EventFile` on a machine without tensorboardX."""

    def scalar(self, step: int, name: str, value: float) -> None:
        """Nothing."""

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def event_file(folder: Path, purge_step: int | None = None) -> EventFile | NoEvents:
    """An `EventFile` where tensorboardX is installed: borrowed machines may have JAX alone."""
    try:
        return EventFile(folder, purge_step)
    except ModuleNotFoundError:
        return NoEvents()


def join_event_files(folder: Path) -> None:
    """Make one of the event files of a folder, in the order of their names, if there are many.

    A record that a kill cut short is left out, with what follows it in its file.
    """
    files = sorted(path for path in folder.glob("*.tfevents.*") if path.suffix != ".part")
    if len(files) <= MOST:
        return
    part = files[0].with_name(f"{files[0].name}.part")
    with part.open("wb") as joined:
        for path in files:
            with path.open("rb") as file:
                joined.writelines(_records(file))
    part.replace(files[0])
    for path in files[1:]:
        path.unlink()


def _records(file: BinaryIO) -> Iterator[bytes]:
    """The whole records of a file, each a length of 8 bytes with its checksum, then the data with
    theirs."""
    rest = file.seek(0, 2)
    file.seek(0)
    while rest >= _HEADER + _FOOTER:
        header = file.read(_HEADER)
        length = struct.unpack("<Q", header[:8])[0] + _FOOTER
        rest -= _HEADER + length
        if rest < 0:
            return
        yield header + file.read(length)
