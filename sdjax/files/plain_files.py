"""Files as they should be: plain and there, and settings that are JSON."""

import json
import os
from pathlib import Path
from typing import Any

from sdjax.config.errors import UserError

MOST_BYTES = 64 * 2**20  # of a file of settings; the largest that are published have 17 MiB


def plain_file(path: Path, expected: str) -> Path:
    """`path` if there is a plain file; else UserError: links to nothing are named with what they
    lead to, folders and pipes as what they are.  `expected` ends the sentence."""
    if is_there(path) and path.is_file():
        return path
    if is_broken_link(path):
        raise UserError(f"{broken_link(path)}.")
    raise UserError(f"'{path}' {_what_is_wrong(path)}, expected {expected}.")


def read_json(path: Path, expected: str, remedy: str = "download it again") -> dict[str, Any]:
    """The fields in a JSON file; UserError if it is missing, cannot be read, is damaged (then with
    the `remedy`) or holds something else."""
    plain_file(path, expected)
    try:
        fields = load_json(path)
    except OSError as error:
        raise UserError(f"'{path}' cannot be read ({error.strerror}).") from error
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"'{path}' is damaged ({reason}), expected {expected}; {remedy}."
        ) from error
    if not isinstance(fields, dict):
        raise UserError(
            f"'{path}' holds {json.dumps(fields)[:40]}, expected {expected}: fields in braces."
        )
    return fields


def load_json(path: Path) -> Any:
    """What a JSON file holds; OSError where it cannot be read, ValueError where it is damaged."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.stat().st_size} bytes")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError as error:
        raise ValueError("brackets in brackets without end") from error


def is_there(path: Path) -> bool:
    """Whether `path` exists; False too where the system refuses the name or the look."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_broken_link(path: Path) -> bool:
    """Whether `path` is a link to nothing."""
    try:
        return path.is_symlink() and not path.exists()
    except (OSError, ValueError):
        return False


def broken_link(path: Path) -> str:
    """What a sentence says of it."""
    return (
        f"'{path}' is a link to '{os.readlink(path)}', which is not there; copy what the links "
        "lead to as well (`cp -rL`), or download it again"
    )


def names_in(folder: Path) -> list[str]:
    """What lies in a folder, hidden files (which systems leave) aside; UserError where it cannot be
    looked into."""
    try:
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(f"'{folder}' cannot be read ({error.strerror}).") from error


def _what_is_wrong(path: Path) -> str:
    if not is_there(path):
        return "is missing"
    return "is a folder" if path.is_dir() else "is no plain file"
