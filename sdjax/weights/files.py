"""The files of a component's folder that hold its weights."""

from pathlib import Path, PurePosixPath
from typing import Any

from sdjax.config.errors import UserError
from sdjax.files.plain_files import broken_link, is_broken_link, names_in, plain_file, read_json
from sdjax.weights.choice import best_weights, is_index, pickles
from sdjax.weights.conversion import from_pickles


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a component's weights (several if sharded), `choice.best_weights` first.

    UserError if there are none, saying how to convert pickles where only those are, and for links
    to nothing and whatever else is no plain file.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder '{folder}' to load weights from.")
    names = names_in(folder)
    best = best_weights(names)
    if best is None:
        raise UserError(_none_found(folder, names))
    file = plain_file(folder / best, "a file of weights")
    return shards(file) if is_index(best) else [file]


def shards(index: Path) -> list[Path]:
    """The files beside it that an index names; UserError if it is damaged, names anything else or
    if one of them is missing."""
    names = _named(index)
    files = [index.parent / name for name in names]
    for file in filter(is_broken_link, files):
        raise UserError(f"{broken_link(file)}; '{index}' names it.")
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise UserError(
            f"'{index}' names {len(names)} files, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing beside it; download the rest."
        )
    return files


def _named(index: Path) -> list[str]:
    named = read_json(index, "an index of safetensors").get("weight_map")
    if not isinstance(named, dict) or not named:
        raise UserError(f"'{index}' is no index of safetensors; download it again.")
    for name in named.values():
        if not _is_shard(name):
            raise UserError(
                f"'{index}' names {name!r}, expected .safetensors files beside it only; download "
                "it again."
            )
    return sorted(set(named.values()))


def _is_shard(name: Any) -> bool:
    """A name in this folder, on every system: no path, drive or link out of it."""
    if not isinstance(name, str) or not name.isprintable() or set(name) & set("/\\:"):
        return False
    return PurePosixPath(name).suffix == ".safetensors"


def _none_found(folder: Path, names: list[str]) -> str:
    if found := pickles(names):
        convert = from_pickles(str(folder.parent), f"{folder.parent}-safetensors")
        return (
            f"'{folder}' has weights only as a pickle ({found[0]}), which may run any code when "
            f"read; {convert}."
        )
    return (
        f"'{folder}' holds no weights; expected diffusion_pytorch_model.safetensors, "
        f"model.safetensors or their index, or a .msgpack file of Flax."
    )
