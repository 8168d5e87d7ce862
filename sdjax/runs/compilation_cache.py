"""JAX's cache of compiled programs: an entry that is damaged goes, so that it is told of once.

A kill or a full disk may leave part of an entry.  JAX warns of it, compiles the program, and leaves
the entry as it is, since there is one: from then on it warns and compiles in every run.
"""

import re
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

_DAMAGED = re.compile(r"Error reading persistent compilation cache entry for '([^']+)'", re.DOTALL)
_ZLIB = b"\x78"  # the first byte of what zlib has packed; some installations pack otherwise


def remove_damaged_entries() -> None:
    """From now on an entry of which JAX warns is removed, before JAX stores the program anew; where
    that is possible, what is shown is that."""
    if not isinstance(warnings.showwarning, _Remover):
        warnings.showwarning = _Remover(warnings.showwarning)


class _Remover:
    """Shows warnings as before, but for those of damaged entries."""

    def __init__(self, show: Callable[..., None]):
        self._show = show

    def __call__(self, message: Warning | str, *where: Any, **line: Any) -> None:
        found = _DAMAGED.match(str(message))
        if found and _remove(found[1]):
            message = UserWarning(
                f"a compiled program ({found[1]}) in {jax.config.jax_compilation_cache_dir} was "
                "damaged; it is removed and compiled again"
            )
        self._show(message, *where, **line)


def _remove(name: str) -> bool:
    """Removes the damaged entries of a program, or all of it where none looks so; whether any."""
    entries = sorted(Path(str(jax.config.jax_compilation_cache_dir)).glob("*-cache"))
    own = [path for path in entries if path.name.startswith(f"{name}-")]
    try:
        damaged = [path for path in own if not _is_whole(path)] or own
        for path in damaged:
            path.unlink(missing_ok=True)
    except OSError:
        return False  # JAX's own warning says why
    return bool(own)


def _is_whole(path: Path) -> bool:
    content = path.read_bytes()
    try:
        zlib.decompress(content)
    except zlib.error:
        return bool(content) and not content.startswith(_ZLIB)
    return True
