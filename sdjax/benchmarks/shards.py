"""A file of weights in several smaller ones, as diffusers and transformers read them."""

from pathlib import Path
from typing import Any

from sdjax.files.whole_files import write_json


def in_shards(file: Path, largest: int) -> list[Path]:
    """Cuts a safetensors file of more than `largest` bytes into files that are no larger, with the
    index beside them, `<file>.index.json`; returns what is there then.

    The order of the tensors stays.  A tensor that alone is larger has a file of its own.
    """
    if file.stat().st_size <= largest:
        return [file]
    from safetensors.numpy import load_file, save_file

    parts = _parts(load_file(file), largest)
    names = [f"{file.stem}-{i + 1:05d}-of-{len(parts):05d}.safetensors" for i in range(len(parts))]
    for name, tensors in zip(names, parts, strict=True):
        save_file(tensors, file.parent / name, metadata={"format": "pt"})
    where = {key: name for name, part in zip(names, parts, strict=True) for key in part}
    size = sum(tensor.nbytes for part in parts for tensor in part.values())
    index = {"metadata": {"total_size": size}, "weight_map": where}
    write_json(file.parent / f"{file.name}.index.json", index)
    file.unlink()
    return [file.parent / name for name in names]


def _parts(tensors: dict[str, Any], largest: int) -> list[dict[str, Any]]:
    """One after the other, with room for the heads of the files."""
    room, parts, size = largest - 300 * len(tensors) - 1000, [{}], 0
    for name, tensor in tensors.items():
        if parts[-1] and size + tensor.nbytes > room:
            parts.append({})
            size = 0
        parts[-1][name] = tensor
        size += tensor.nbytes
    return parts
