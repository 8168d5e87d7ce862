"""One run in a folder at a time.

The holder keeps the file `lock` locked by the system (flock), which ends with the process however
that ends, and touches it every few seconds: on another host, where a file system may not know of
the lock, a file that nobody touches any more is stale too.

The file is written under another name and appears whole, by a hard link, which only one of several
can make.  That of a holder that is gone is replaced; as several hosts can find it so at once, the
last to replace it has it, and each looks after a moment whether it was the last.
"""

import contextlib
import fcntl
import json
import os
import secrets
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
SETTLED_AFTER = 1.0  # seconds, in which others that found the same lock stale have replaced it


class InUseError(UserError):
    """A run has the folder."""


@contextmanager
def only_run(folder: str | Path) -> Iterator[None]:
    """Holds the folder, which exists, until the end.

    Raises an InUseError with the host and the process that hold it where a run does.  The lock of a
    process that is gone is taken over, and so is a damaged one.  Of several that come at the same
    time one gets it, on file systems that share no locks between hosts, too.
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
            if _lies_at(path, opened):  # else it was away for so long that another took it over
                path.unlink(missing_ok=True)
    finally:
        os.close(opened)


def _taken(path: Path) -> int:
    """The file, opened and held."""
    part = path.with_name(f".{FILE}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        opened = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            _write(opened)
            while not (_has_linked(part, path, opened) or _has_replaced(part, path, opened)):
                pass  # who had it has just removed it
            return opened
        except BaseException:
            os.close(opened)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def _write(opened: int) -> None:
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    content = {"host": socket.gethostname(), "process": os.getpid()}
    os.pwrite(opened, json.dumps(content).encode(), 0)
    os.fsync(opened)


def _has_linked(part: Path, path: Path, opened: int) -> bool:
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links: an empty one, which is then replaced
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o644))
    return _lies_at(path, opened)


def _has_replaced(part: Path, path: Path, opened: int) -> bool:
    """Whether the lock of a holder that is gone has become ours; raises an InUseError where it is
    not gone, or another was faster."""
    try:
        former = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if not _is_free(former, path):
            raise _in_use(path)
        if not _lies_at(path, former):
            return False
        os.replace(part, path)
    finally:
        os.close(former)
    time.sleep(SETTLED_AFTER)
    if not _lies_at(path, opened):
        raise _in_use(path)
    return True


def _is_free(opened: int, path: Path) -> bool:
    """Whether nobody holds the lock; where the system knows, it stays ours until it is closed."""
    holder = _holder(path)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return not holder or _is_stale(opened) or not _lives(holder)
    return not holder or holder["host"] == socket.gethostname() or _is_stale(opened)


def _in_use(path: Path) -> InUseError:
    holder = _holder(path)
    return InUseError(
        f"--workdir={path.parent} is in use by a run on {holder.get('host', 'this machine')}, "
        f"process {holder.get('process', 'unknown')}; wait for it, choose another --workdir, "
        f"or remove {path} if that run is gone."
    )


def _holder(path: Path) -> dict[str, Any]:
    """Who wrote the file; nobody where it says nothing, as no holder's does."""
    try:
        holder = read_json(path, "the lock of a run")
    except UserError:
        return {}
    is_one = isinstance(holder.get("host"), str) and isinstance(holder.get("process"), int)
    return holder if is_one else {}


def _lies_at(path: Path, opened: int) -> bool:
    """Whether an opened file is still the one of that name."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(opened), path.stat())
    return False


def _is_stale(opened: int) -> bool:
    return time.time() - os.fstat(opened).st_mtime > STALE


def _lives(holder: dict[str, Any]) -> bool:
    """Whether the process is one of another host, or runs on this one."""
    if holder["host"] != socket.gethostname():
        return True
    try:
        os.kill(holder["process"], 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return holder["process"] != os.getpid()


def _touch(opened: int, done: threading.Event) -> None:
    while not done.wait(TOUCHED_EVERY):
        with contextlib.suppress(OSError):  # of a file system that is away for a moment
            os.utime(opened)
