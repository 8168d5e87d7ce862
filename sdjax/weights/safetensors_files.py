"""Safetensors files, one tensor at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from sdjax.config.errors import UserError

LFS_POINTER = b"version https://git-lfs"


def safetensors_tensors(files: Iterable[Path]) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of every tensor, in the dtype of the file (bfloat16 too).

    The library maps a file into memory and every page that was read stays there while the file is
    open.  So it is opened anew for each tensor, and no more than a tensor is held.
    ValueError if a file is cut short or is something else.
    """
    from safetensors import SafetensorError, safe_open

    for file in files:
        try:
            with safe_open(file, "numpy") as opened:
                names = list(opened.keys())
            for name in names:
                yield name, _tensor(file, name)
        except SafetensorError as error:
            raise UserError(_unreadable(file, error)) from error


def _tensor(file: Path, name: str) -> np.ndarray:
    from safetensors import safe_open

    with safe_open(file, "numpy") as opened:
        return opened.get_tensor(name)


def _unreadable(file: Path, error: Exception) -> str:
    with open(file, "rb") as opened:
        if opened.read(len(LFS_POINTER)) == LFS_POINTER:
            return f"'{file}' is a pointer of Git LFS, not the weights; run `git lfs pull` there."
    return f"'{file}' is cut short or no safetensors file ({error}); download it again."
