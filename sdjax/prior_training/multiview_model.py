"""A MVDream in training: Stable Diffusion and a camera embedding; from either, and to a folder."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from sdjax.files.plain_files import read_json
from sdjax.networks.unet.config import CAMERA_NUMBERS
from sdjax.networks.unet.ldm_fields import PORT, diffusers_fields
from sdjax.prior_training.model import Model, read_model, write_model
from sdjax.prior_training.networks import Table, initial_params, networks
from sdjax.priors.architecture import unet_config
from sdjax.priors.roles import MVDREAM, TEXT_TO_IMAGE
from sdjax.priors.small_files import check_small_files
from sdjax.weights.hub import local_folder

# As diffusers has a camera embedding: a class embedding of two layers.
_EMBEDDING = {
    "class_embed_type": "projection",
    "projection_class_embeddings_input_dim": CAMERA_NUMBERS,
}
_OURS, _THEIRS = "camera_embedding", "class_embedding"


def model_folder(source: str | Path, revision: str | None = None) -> Path:
    """The folder of a checkpoint of MVDream or of Stable Diffusion, as `read_model` finds it."""
    return local_folder(source, revision, check=_check)


def read_views_model(source: str | Path, revision: str | None, key: jax.Array) -> Model:
    """A checkpoint of MVDream as it is, or one of Stable Diffusion with a new camera embedding.

    Raises:
        UserError: one sentence about what is missing, damaged or of another model.
    """
    folder = model_folder(source, revision)
    role = _role(folder)
    model = read_model(folder, role=role)
    return _in_our_layout(model) if role == MVDREAM else with_camera(model, key)


def with_camera(model: Model, key: jax.Array) -> Model:
    """Stable Diffusion with a camera embedding whose last layer is 0: as long as it has not
    learned, it predicts the same whatever the camera (as the new layers of arXiv 2302.05543)."""
    made = _with_unet(model, {**model.tables.unet, **_EMBEDDING})
    embedding = initial_params(key, made.networks.unet)[_OURS]
    last = jax.tree.map(jnp.zeros_like, embedding["linear_2"])
    unet = {**model.params["unet"], _OURS: {**embedding, "linear_2": last}}
    return made._replace(params={**model.params, "unet": unet})


def write_views_model(model: Model, folder: str | Path, tokenizer: str | Path, dtype: Any) -> None:
    """As `write_model`: diffusers opens every part, and is told the camera by `class_labels`.

    Its UNet joins the views of a scene once its self-attention is told to.
    """
    named = {_OURS: _THEIRS}
    unet = {named.get(name, name): part for name, part in model.params["unet"].items()}
    write_model(model._replace(params={**model.params, "unet": unet}), folder, tokenizer, dtype)


def _check(folder: Path) -> None:
    check_small_files(folder, role=_role(folder))


def _role(folder: Path) -> str:
    fields = read_json(folder / "unet" / "config.json", "the configuration of a UNet")
    return MVDREAM if unet_config(fields).camera_features else TEXT_TO_IMAGE


def _in_our_layout(model: Model) -> Model:
    """The UNet's table as diffusers reads it, where it was that of the port or had a field for the
    camera that diffusers does not know."""
    table: Table = dict(model.tables.unet)
    if table.get("_class_name") == PORT:
        table = {"_class_name": "UNet2DConditionModel", **diffusers_fields(table)}
    table.pop("camera_features", None)
    return _with_unet(model, {**table, **_EMBEDDING})


def _with_unet(model: Model, table: Table) -> Model:
    tables = model.tables._replace(unet=table)
    return model._replace(tables=tables, networks=networks(tables))
