"""The folder of a judge: config.json and model.safetensors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from sdjax.config.errors import UserError
from sdjax.files.plain_files import read_json
from sdjax.files.whole_files import write_json
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.values import WIDEST, whole
from sdjax.prior_training.classifier import QUESTIONS, Classifier, Judge
from sdjax.weights.hub import given_path
from sdjax.weights.load import load_params, save_params
from sdjax.weights.shipped import JUDGE

_TYPE = "sdjax_judge"
_CONFIG, _WEIGHTS = "config.json", "model.safetensors"


def read_judge(source: str | Path = JUDGE) -> Judge:
    """The judge in a folder, or the one that comes with the package; in float32.

    UserError, one sentence, for what is missing, damaged, no judge, or one of other questions than
    `QUESTIONS`.
    """
    folder = given_path(source)
    network = _network(read_json(folder / _CONFIG, "the settings of a judge"), folder)
    return Judge(load_params(parameter_shapes(network), folder), network)


def is_judge(folder: str | Path) -> bool:
    """Whether `write_judge` has come to its end there."""
    return (Path(folder) / _CONFIG).exists()


def write_judge(judge: Judge, folder: str | Path, dtype: Any) -> None:
    """Write `folder`, parameters in `dtype`."""
    network = judge.network
    stored = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), judge.params)
    save_params(stored, folder, _WEIGHTS)
    table = {
        "model_type": _TYPE,
        "channels": list(network.channels),
        "hidden": network.hidden,
        "resolution": network.resolution,
        "questions": {name: list(names) for name, names in QUESTIONS.items()},
    }
    write_json(Path(folder) / _CONFIG, table)  # the last file


def _network(table: Mapping[str, Any], folder: Path) -> Classifier:
    if table.get("model_type") != _TYPE:
        raise UserError(
            f"'{folder}' is no judge (model_type {table.get('model_type')!r}), expected a folder "
            f"that `sdjax train_prior --config=train_judge` writes, or '{JUDGE}'."
        )
    asked = {name: list(names) for name, names in QUESTIONS.items()}
    channels = table.get("channels")
    if table.get("questions") != asked or not isinstance(channels, list) or len(channels) != 3:
        raise UserError(
            f"The judge in '{folder}' is of another version, which was asked other questions; "
            "train it again."
        )
    sizes = [whole("channels", size, WIDEST) for size in channels]
    hidden = whole("hidden", table.get("hidden"), WIDEST)
    return Classifier((*sizes,), hidden, whole("resolution", table.get("resolution"), WIDEST))
