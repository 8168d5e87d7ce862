"""The files of a component's folder that hold its weights."""

import json
from pathlib import Path

from sdjax.config.errors import UserError
from sdjax.weights.choice import best_weights, is_index, pickles
from sdjax.weights.conversion import from_pickles


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a component's weights (several if sharded), `choice.best_weights` first.

    ValueError if there are none, saying how to convert pickles where only those are.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder '{folder}' to load weights from.")
    names = [path.name for path in folder.iterdir()]
    best = best_weights(names)
    if best is None:
        raise UserError(_none_found(folder, names))
    return shards(folder / best) if is_index(best) else [folder / best]


def shards(index: Path) -> list[Path]:
    """The files that an index names; ValueError if it is damaged or one of them is missing."""
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"'{index}' is no index of safetensors; download it again.") from error
    files = [index.parent / name for name in names]
    missing = [file.name for file in files if not file.exists()]
    if missing:
        raise UserError(
            f"'{index}' names {len(names)} files, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing beside it; download the rest."
        )
    return files


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
