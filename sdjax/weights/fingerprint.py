"""Whether two components are the same: a hash of what they hold."""

import hashlib
from pathlib import Path

from sdjax.config.errors import UserError
from sdjax.weights.choice import best_weights, needed_files
from sdjax.weights.files import weight_files


def fingerprint(folder: str | Path, component: str) -> str:
    """SHA-256 (64 hex digits) of the settings and weights in `folder/component`.

    It is the hash of the lines "name SHA-256-of-content", so it depends on file names and contents,
    not on the place, times or the variants of the weights that are not used.
    ValueError if there is no such component.
    """
    inside = Path(folder) / component
    if not inside.is_dir():
        raise UserError(f"'{folder}' has no component '{component}'.")
    names = [path.name for path in inside.iterdir()]
    needed = {inside / name for name in needed_files(names)}
    if best_weights(names):
        needed.update(weight_files(inside))
    lines = [f"{file.name} {_sha256(file)}\n" for file in sorted(needed)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
