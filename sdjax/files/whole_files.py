"""Files that are there whole or not at all."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdjax.config.errors import UserError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """The name of a file to write, which becomes `path` once it is written: a kill or a full disk
    leaves the old file or the new one.  It ends as `path` does; the folder is made.

    An OSError gets the name of the file, if it has none.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    own = f"{os.getpid()}-{secrets.token_hex(4)}"  # other machines have the same processes
    part = path.with_name(f".{path.stem}.{own}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.errno is None:
            raise UserError(f"{path} cannot be written ({error}).") from error
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text as `whole_file` has it."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, content: Any, *, sort_keys: bool = False) -> None:
    """Write JSON as `write_whole`: indented, and null for a number that is infinite or NaN, which
    JSON does not know."""
    text = json.dumps(finite(content), indent=2, sort_keys=sort_keys, allow_nan=False)
    write_whole(path, text + "\n")


def finite(content: Any) -> Any:
    """`content`, of a kind that JSON knows, with None for numbers that are not finite."""
    if isinstance(content, dict):
        return {name: finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    is_bad = isinstance(content, float) and not abs(content) < float("inf")
    return None if is_bad else content
