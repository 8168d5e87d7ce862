"""The tensors in a component's folder, one by one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sdjax.weights.choice import best_weights, is_index, pickles
from sdjax.weights.conversion import from_pickles
from sdjax.weights.flax_files import flax_tensors
from sdjax.weights.safetensors_files import safetensors_tensors, shards


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a component's weights (several if sharded), `choice.best_weights` first.

    ValueError if there are none, saying how to convert pickles where only those are.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder '{folder}' to load weights from.")
    names = [path.name for path in folder.iterdir()]
    best = best_weights(names)
    if best is None:
        raise ValueError(_none_found(folder, names))
    return shards(folder / best) if is_index(best) else [folder / best]


def read_tensors(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of every tensor in a folder as PyTorch has them, in the dtype of the file.

    Holds about one tensor at a time.  ValueError as `weight_files`, or where a file is damaged.
    """
    files = weight_files(folder)
    flax = files[0].suffix == ".msgpack"
    yield from flax_tensors(files[0]) if flax else safetensors_tensors(files)


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
