"""Whether two components are the same: a hash of what they hold."""

import hashlib
from pathlib import Path

from sdjax.config.errors import UserError
from sdjax.files.plain_files import names_in, plain_file
from sdjax.weights.choice import best_weights, needed_files
from sdjax.weights.files import weight_files


def fingerprint(folder: str | Path, component: str) -> str:
    """SHA-256 (64 hex digits) of the settings and weights in `folder/component`.

    It is the hash of the lines "name SHA-256-of-content", so it depends on file names and contents,
    not on the place, times or the variants of the weights that are not used.
    UserError if there is no such component, or if one of the files is a link to nothing.
    """
    inside = Path(folder) / component
    if not inside.is_dir():
        raise UserError(f"'{folder}' has no component '{component}'.")
    names = names_in(inside)
    needed = {inside / name for name in needed_files(names)}
    if best_weights(names):
        needed.update(weight_files(inside))
    lines = [f"{file.name} {file_hash(file)}\n" for file in sorted(needed)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_hash(file: Path) -> str:
    """SHA-256 (64 hex digits) of what a file holds."""
    with open(plain_file(file, "a file of the model"), "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
