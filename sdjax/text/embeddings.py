"""Prompt embeddings on disk, so that the text encoder runs once per prompt and model."""

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Array, Float

from sdjax.files.whole_files import whole_file

Encode = Callable[[Sequence[str]], Float[Array, "prompts tokens features"]]


def default_cache() -> Path:
    """sdjax/prompts under XDG_CACHE_HOME, or under ~/.cache where that is not set."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "sdjax" / "prompts"


def embed(
    prompts: Sequence[str],
    encode: Encode,
    fingerprint: str,
    cache: str | Path | None = None,
) -> Float[np.ndarray, "prompts tokens features"]:
    """The float32 embeddings of `prompts`, from the files in `cache` (default `default_cache()`).

    `encode(missing)` is called at most once, with each prompt that has no file or a damaged one;
    so it may load the text encoder.  `fingerprint` names the weights: embeddings of another one
    are never used.  A file holds one prompt and appears whole or not at all, so that several
    processes may share the folder.  A folder that cannot be written costs a warning only.
    """
    cache = default_cache() if cache is None else Path(cache)
    files = {prompt: cache / _file_name(fingerprint, prompt) for prompt in prompts}
    found = {prompt: _read(file) for prompt, file in files.items()}
    if len({array.shape for array in found.values() if array is not None}) > 1:
        found = dict.fromkeys(found)  # one of them is damaged, and nobody knows which
    missing = [prompt for prompt in found if found[prompt] is None]
    if missing:
        computed = np.asarray(encode(missing), np.float32)
        found.update(zip(missing, computed, strict=True))
        _write({files[prompt]: found[prompt] for prompt in missing}, cache)
    return np.stack([found[prompt] for prompt in prompts])


def _file_name(fingerprint: str, prompt: str) -> str:
    """Injective in the pair: the fingerprint enters by its hash, of fixed length."""
    weights = hashlib.sha256(fingerprint.encode()).digest()
    return hashlib.sha256(weights + prompt.encode()).hexdigest() + ".npy"


def _read(file: Path) -> Float[np.ndarray, "tokens features"] | None:
    """The embedding in a file; None if there is none or it is damaged."""
    try:
        # Mapped, so that a damaged head cannot ask for more memory than the file has bytes.
        array = np.array(np.load(file, mmap_mode="r", allow_pickle=False))
    except Exception:  # the head is read as Python, which fails in every way that Python does
        return None
    whole = array.ndim == 2 and array.dtype == np.float32 and np.isfinite(array).all()
    return array if whole else None


def _write(embeddings: dict[Path, np.ndarray], cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for file, array in embeddings.items():
            with whole_file(file) as part:
                part.write_bytes(_packed(array))
    except OSError as error:
        warnings.warn(
            f"prompt embeddings cannot be kept in {str(cache)!r} ({error.strerror}), so that the "
            "next run computes them again; name a cache folder that can be written.",
            stacklevel=3,
        )


def _packed(array: np.ndarray) -> bytes:
    """As the content of a .npy file."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()
