"""The folder of a model in the hub's cache, `models--owner--name`: where its files are."""

import re
from pathlib import Path

from sdjax.config.errors import UserError
from sdjax.files.plain_files import names_in

FOLDER = re.compile(r"models--.+")
REVISION = re.compile(r"[\w.-]+(/[\w.-]+)*")


def is_cache(path: Path) -> bool:
    """Whether `path` is such a folder."""
    return FOLDER.fullmatch(path.absolute().name) is not None and (path / "snapshots").is_dir()


def entered(path: Path, revision: str | None) -> Path:
    """Its snapshot of a branch, tag or commit, "main" where that is None; the only one there is
    where nothing is said of that.  UserError where it is not there."""
    snapshots = path / "snapshots"
    there = names_in(snapshots)
    name = _commit(path, revision or "main") or revision
    if name is None and len(there) == 1:
        name = there[0]
    if name not in there or not (snapshots / name).is_dir():
        raise UserError(
            f"The cache '{path}' has no snapshot of {revision or 'main'!r}, expected one of "
            f"{there[:4]}; download the model again."
        )
    return snapshots / name


def _commit(path: Path, revision: str) -> str | None:
    """What refs/<revision> says."""
    if not REVISION.fullmatch(revision) or ".." in revision:
        return None
    try:
        return (path / "refs" / revision).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
