"""A checkpoint in training: its networks, parameters and tokenizer; from nothing or a folder."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from sdjax.config.fields import optional, text
from sdjax.diffusion.scheduler_config import Scheduler, read_scheduler
from sdjax.files.plain_files import read_json
from sdjax.files.whole_files import write_json
from sdjax.prior_training.networks import Networks, Tables, initial_params, networks
from sdjax.priors.roles import TEXT_TO_IMAGE
from sdjax.priors.small_files import check_small_files, read_small_files
from sdjax.text.tokenizer import Tokenize, load_tokenizer
from sdjax.weights.hub import local_folder
from sdjax.weights.load import load_params, save_params
from sdjax.weights.template import checked_template
from sdjax.weights.tensors import tensor_shapes

_TABLES = {
    "autoencoder": ("vae", "config.json"),
    "text": ("text_encoder", "config.json"),
    "unet": ("unet", "config.json"),
    "scheduler": ("scheduler", "scheduler_config.json"),
}
_WEIGHTS = {
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
}
_INDEX_FILE = "model_index.json"
_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}

CHECKPOINT = {
    "weights": text().of("sdjax-small", "a folder in diffusers' layout, or a hub id"),
    "revision": optional(text()).of(None, "of the hub id"),
}


class Model(NamedTuple):
    """`params` has "vae", "text_encoder" and "unet", float32; `scheduler` is read of its table."""

    tables: Tables
    networks: Networks
    params: dict[str, Any]
    tokenize: Tokenize
    scheduler: Scheduler


def new_model(tables: Tables, tokenizer: str | Path, key: jax.Array) -> Model:
    """Random parameters; `tokenizer` is the folder of its files."""
    made = networks(tables)
    keys = jax.random.split(key, 3)
    params = {
        "vae": initial_params(keys[0], made.autoencoder),
        "text_encoder": initial_params(keys[1], made.text),
        "unet": initial_params(keys[2], made.unet),
    }
    scheduler = read_scheduler(tables.scheduler)
    return Model(tables, made, params, load_tokenizer(tokenizer), scheduler)


def read_model(source: str | Path, revision: str | None = None, role: str = TEXT_TO_IMAGE) -> Model:
    """The checkpoint of a diffusers folder or hub id, whose UNet is one of the prior `role`.

    Everything small is checked before anything large is downloaded or read, and that the tensors
    are those of the configurations before a network of their size is built.

    Raises:
        UserError: one sentence about what is missing, damaged or not supported.
    """
    folder = local_folder(source, revision, check=partial(check_small_files, role=role))
    small = read_small_files(folder, role)
    tables = Tables(
        **{
            name: read_json(folder.joinpath(*path), "the settings of a part of a model")
            for name, path in _TABLES.items()
        }
    )
    made = networks(tables)
    by_folder = {"vae": made.autoencoder, "text_encoder": made.text, "unet": made.unet}
    templates = {
        name: checked_template(network, tensor_shapes(folder / name), f"'{folder / name}'")
        for name, network in by_folder.items()
    }
    params = {name: load_params(template, folder / name) for name, template in templates.items()}
    return Model(tables, made, params, small.tokenizer, small.scheduler)


def is_written(folder: str | Path) -> bool:
    """Whether `write_model` has come to its end there."""
    return (Path(folder) / _INDEX_FILE).exists()


def write_model(model: Model, folder: str | Path, tokenizer: str | Path, dtype: Any) -> None:
    """Write `folder` as diffusers reads it, parameters in `dtype`.

    `tokenizer` is the folder of its files, which are copied.
    """
    folder = Path(folder)
    for name, path in _TABLES.items():
        _write(folder.joinpath(*path), getattr(model.tables, name))
    for name, file in _WEIGHTS.items():
        stored = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), model.params[name])
        save_params(stored, folder / name, file)
    if Path(tokenizer) != folder / "tokenizer":
        shutil.copytree(tokenizer, folder / "tokenizer", dirs_exist_ok=True)
    _write(folder / _INDEX_FILE, _INDEX)  # the last file


def _write(file: Path, table: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, table, sort_keys=True)
