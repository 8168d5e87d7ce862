"""One run in a folder at a time.

The holder keeps the file `lock` locked by the system (flock), which ends with the process however
that ends, and touches it every few seconds: on another host, where a file system may not know of
the lock, a file that nobody touches any more is stale too.
"""

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdjax.config.errors import UserError
from sdjax.files.plain_files import read_json

FILE = "lock"
TOUCHED_EVERY = 10.0  # seconds
STALE = 60.0  # seconds without a touch, of a holder on another host
WRITTEN_WITHIN = 2.0  # seconds, by whoever has just made the file


class InUseError(UserError):
    """A run has the folder."""


@contextmanager
def only_run(folder: str | Path) -> Iterator[None]:
    """Holds the folder, which exists, until the end.

    Raises an InUseError with the host and the process that hold it where a run does.  The lock of a
    process that is gone is taken over.  Of several that come at the same time one gets it, on file
    systems that share no locks between hosts, too.
    """
    path = Path(folder) / FILE
    opened = _taken(path)
    try:
        done = threading.Event()
        thread = threading.Thread(target=_touch, args=(opened, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            path.unlink(missing_ok=True)
    finally:
        os.close(opened)


def _taken(path: Path) -> int:
    """The file, opened and held; another holder may have removed the one that was opened."""
    while True:
        opened, is_new = _opened(path)
        try:
            _take(opened, path, is_new)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(opened), path.stat()):
                    return opened
        except BaseException as error:
            if is_new and not isinstance(error, InUseError):
                path.unlink(missing_ok=True)
            os.close(opened)
            raise
        os.close(opened)


def _opened(path: Path) -> tuple[int, bool]:
    """The file, and whether it is new, which it is to one process only."""
    with contextlib.suppress(FileExistsError):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644), True
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644), False


def _take(opened: int, path: Path, is_new: bool) -> None:
    holder = {} if is_new else _settled_holder(opened, path)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_free = is_new or holder.get("host") == socket.gethostname() or _is_stale(opened)
    except BlockingIOError:
        is_free = False
    except OSError:  # a file system without locks
        is_free = is_new or _is_stale(opened) or (bool(holder) and not _lives_here(holder))
    if not is_free:
        raise InUseError(
            f"--workdir={path.parent} is in use by a run on {holder.get('host', 'this machine')}, "
            f"process {holder.get('process', 'unknown')}; wait for it, choose another --workdir, "
            f"or remove {path} if that run is gone."
        )
    content = {"host": socket.gethostname(), "process": os.getpid()}
    os.ftruncate(opened, 0)
    os.pwrite(opened, json.dumps(content).encode(), 0)
    os.fsync(opened)  # other hosts see it from now on


def _settled_holder(opened: int, path: Path) -> dict[str, Any]:
    """Who wrote the file last, where somebody is just about to; nobody where it says nothing."""
    waited = 0.0
    while not (holder := _holder(path)) and waited < WRITTEN_WITHIN and not _is_stale(opened):
        time.sleep(0.1)
        waited += 0.1
    return holder


def _holder(path: Path) -> dict[str, Any]:
    """Who wrote the file last; nobody where it says nothing."""
    try:
        return read_json(path, "the lock of a run")
    except UserError:
        return {}


def _is_stale(opened: int) -> bool:
    return time.time() - os.fstat(opened).st_mtime > STALE


def _lives_here(holder: dict[str, Any]) -> bool:
    """Whether the process is one of another host, or runs on this one."""
    process = holder.get("process")
    if holder.get("host") != socket.gethostname() or not isinstance(process, int):
        return bool(holder)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return process != os.getpid()


def _touch(opened: int, done: threading.Event) -> None:
    while not done.wait(TOUCHED_EVERY):
        with contextlib.suppress(OSError):  # of a file system that is away for a moment
            os.utime(opened)
