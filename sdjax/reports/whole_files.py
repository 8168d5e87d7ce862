"""Files that are there whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: Path, text: str) -> None:
    """Write in one step, so that a kill or a full disk leaves the old file or the new one."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


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
