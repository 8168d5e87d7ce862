"""JAX's cache of compiled programs: an entry that is damaged goes, so that it is told of once.

A kill or a full disk may leave part of an entry.  JAX warns of it, compiles the program, and leaves
the entry as it is, since there is one: from then on it warns and compiles in every run.
"""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from absl import flags

_DAMAGED = re.compile(r"Error reading persistent compilation cache entry for '([^']+)'", re.DOTALL)


def remove_damaged_entries() -> None:
    """From now on an entry of which JAX warns is removed, before JAX stores the program anew; where
    that is possible, what is shown is that.

    Only in a command, which has parsed its flags: in a program or a notebook of the user's, how
    warnings are shown is theirs, and JAX's own warning stays.
    """
    if flags.FLAGS.is_parsed() and not isinstance(warnings.showwarning, _Remover):
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
    """Removes the entries of a program that are damaged for certain; whether there were any."""
    entries = Path(str(jax.config.jax_compilation_cache_dir)).glob("*-cache")
    try:
        own = [path for path in entries if path.name.startswith(f"{name}-")]
        damaged = [path for path in own if _is_damaged(path.read_bytes())]
        for path in damaged:
            path.unlink(missing_ok=True)
    except OSError:
        return False  # JAX's own warning says why
    return bool(damaged)


def _is_damaged(entry: bytes) -> bool:
    """Whether it is empty, or packed as this installation of JAX packs (zstd or zlib) and cannot be
    unpacked; what others that share the folder have packed is theirs."""
    try:
        from jax._src.compilation_cache import compress_executable, decompress_executable
    except ImportError:  # another version of JAX
        return not entry
    if not entry or entry[:1] != compress_executable(b"")[:1]:
        return not entry
    try:
        decompress_executable(entry)
    except Exception:  # each library has its own
        return True
    return False
