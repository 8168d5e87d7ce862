"""TensorBoard's event files: each start of a run adds one, and many are joined to one."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MOST = 8  # files in a folder
_HEADER, _FOOTER = 12, 4  # bytes around a record: its length and two checksums


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
