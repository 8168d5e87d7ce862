"""What a checkpoint says about itself: which run it is of, and a hash of every array."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np

from sdjax.files.plain_files import load_json
from sdjax.runs.processes import from_every_process

ITEM = "seal"  # the folder of a checkpoint that holds it
WHOLE = ""  # the key of a hash of a whole array; of a part it is "first:last" of its axes


def seal(leaves: Mapping[str, Any], config: Mapping[str, Any] | None, step: int) -> dict[str, Any]:
    """The seal of arrays by name; of those that lie on several processes each hashes its parts, so
    that all have to call it."""
    with ThreadPoolExecutor() as threads:  # hashing leaves Python's lock
        own = dict(zip(leaves, threads.map(_hashes, leaves.values()), strict=True))
    hashes: dict[str, dict[str, str]] = {name: {} for name in leaves}
    for part in from_every_process(own):
        for name, found in part.items():
            hashes[name].update(found)
    return {
        "step": step,
        "config": config,
        "config_hash": _of_config(config),
        "hashes": hashes,
    }


def damaged(stored: Mapping[str, Any], leaves: Mapping[str, np.ndarray]) -> str | None:
    """The first name whose array is not the one that was sealed, or None."""
    hashes = stored["hashes"]
    for name in {**hashes, **leaves}:
        expected, leaf = hashes.get(name), leaves.get(name)
        if expected is None or leaf is None or expected != _hashes_again(leaf, list(expected)):
            return name
    return None


def read_seal(checkpoint: Path) -> dict[str, Any] | None:
    """That of a checkpoint's folder; None where a version before there were any wrote it.

    Raises ValueError or OSError where it is damaged.
    """
    folder = checkpoint / ITEM
    if not folder.is_dir():
        return None
    content = load_json(folder / "metadata")
    if not isinstance(content, dict) or not isinstance(content.get("hashes"), dict):
        raise ValueError("no hashes of arrays")
    if str(content.get("step")) != checkpoint.name:
        raise ValueError(f"it is of step {content.get('step')}")
    if content.get("config_hash") != _of_config(content.get("config")):
        raise ValueError("its configuration is not what was saved")
    return content


def hashes_of_parts(leaf: jax.Array) -> dict[str, str]:
    """Of the parts that lie on this process's devices: rows, or also columns, as XLA cuts what the
    particles share where the weights are in parts."""
    parts = {_key(shard.index, leaf.shape): shard.data for shard in leaf.addressable_shards}
    return {key: _sha256(np.asarray(data)) for key, data in parts.items()}


def _hashes(leaf: Any) -> dict[str, str]:
    """Of the whole, or of the parts here."""
    if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable or leaf.is_fully_replicated:
        return {WHOLE: _sha256(np.asarray(leaf))}
    return hashes_of_parts(leaf)


def _hashes_again(leaf: np.ndarray, keys: list[str]) -> dict[str, str]:
    return {key: _sha256(leaf[_index(key)] if key else leaf) for key in keys}


def _key(index: tuple[slice, ...], shape: tuple[int, ...]) -> str:
    """Of a part; axes that are whole after the last that is cut are left out."""
    spans = [axis.indices(size)[:2] for axis, size in zip(index, shape, strict=True)]
    while spans[1:] and spans[-1] == (0, shape[len(spans) - 1]):
        spans.pop()
    return ",".join(f"{first}:{last}" for first, last in spans)


def _index(key: str) -> tuple[slice, ...]:
    return tuple(slice(*map(int, span.split(":"))) for span in key.split(","))


def _of_config(config: Any) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def _sha256(array: np.ndarray) -> str:
    """Of dtype, shape and bytes."""
    digest = hashlib.sha256(f"{array.dtype.name} {array.shape} ".encode())
    digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()
