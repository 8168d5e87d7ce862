"""Safetensors files, one tensor at a time."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from sdjax.config.errors import UserError
from sdjax.weights.layout import is_parameter

LFS_POINTER = b"version https://git-lfs"
FLOATS = ("F64", "F32", "F16", "BF16")
Shape = tuple[int, ...]


def every(name: str) -> bool:
    """Whatever its name."""
    return True


def safetensors_tensors(
    files: Iterable[Path], wanted: Callable[[str], bool] = every
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of every tensor whose name is `wanted`, in the dtype of the file (bfloat16
    too).

    The library maps a file into memory and every page that was read stays there while the file is
    open.  So it is opened anew for each tensor, and no more than a tensor is held.
    ValueError if a file is cut short or is something else.
    """
    from safetensors import SafetensorError, safe_open

    for file in files:
        try:
            with safe_open(file, "numpy") as opened:
                names = list(opened.keys())
            for name in filter(wanted, names):
                yield name, _tensor(file, name)
        except (SafetensorError, OSError) as error:
            raise UserError(_unreadable(file, error)) from error


def safetensors_names(files: Iterable[Path]) -> Iterator[str]:
    """The name of every tensor; UserError as `safetensors_tensors`."""
    from safetensors import SafetensorError, safe_open

    for file in files:
        try:
            with safe_open(file, "numpy") as opened:
                yield from opened.keys()
        except (SafetensorError, OSError) as error:
            raise UserError(_unreadable(file, error)) from error


def safetensors_shapes(
    files: Iterable[Path], wanted: Callable[[str], bool] = every
) -> Iterator[tuple[str, Shape]]:
    """(name, shape) of every tensor whose name is `wanted`, from the heads of the files; no tensor
    is read.

    UserError if a file is cut short or is something else, or if a parameter is no plain float.
    """
    from safetensors import SafetensorError, safe_open

    for file in files:
        try:
            with safe_open(file, "numpy") as opened:
                names = filter(wanted, opened.keys())
                slices = {name: opened.get_slice(name) for name in names}
                for name, tensor in slices.items():
                    _check_dtype(file, name, tensor.get_dtype())
                    yield name, tuple(tensor.get_shape())
        except (SafetensorError, OSError) as error:
            raise UserError(_unreadable(file, error)) from error


def safetensors_metadata(file: Path) -> dict[str, str]:
    """What a file says of itself."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as opened:
            return opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise UserError(_unreadable(file, error)) from error


def _check_dtype(file: Path, name: str, dtype: str) -> None:
    if dtype not in FLOATS and is_parameter(name):
        raise UserError(
            f"'{file}' holds {name!r} as {dtype}, expected {', '.join(FLOATS)}; take weights that "
            "are not quantised."
        )


def _tensor(file: Path, name: str) -> np.ndarray:
    from safetensors import safe_open

    with safe_open(file, "numpy") as opened:
        return opened.get_tensor(name)


def _unreadable(file: Path, error: Exception) -> str:
    if _start(file) == LFS_POINTER:
        return f"'{file}' is a pointer of Git LFS, not the weights; run `git lfs pull` there."
    return f"'{file}' is cut short or no safetensors file ({error}); download it again."


def _start(file: Path) -> bytes:
    try:
        with open(file, "rb") as opened:
            return opened.read(len(LFS_POINTER))
    except OSError:
        return b""
