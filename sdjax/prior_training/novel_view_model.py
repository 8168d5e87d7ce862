"""A Zero-1-to-3 in training: its networks and parameters; from a Stable Diffusion or a folder."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdjax.diffusion.scheduler_config import Scheduler, read_scheduler
from sdjax.files.plain_files import read_json
from sdjax.files.whole_files import write_json
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.clip.vision import CLIPVision
from sdjax.networks.projection import Projection, ProjectionConfig
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.prior_training.image_encoder import ImageEncoder, vision_table
from sdjax.prior_training.model import Model
from sdjax.priors.zero123_files import COMPONENTS, POSE, check_zero123_files, parts_in
from sdjax.weights.hub import local_folder
from sdjax.weights.load import save_params

Table = dict[str, Any]  # a config.json
_INDEX_FILE = "model_index.json"
_INDEX = {
    "_class_name": "Zero1to3StableDiffusionPipeline",
    "cc_projection": ["pipeline_zero1to3", "CCProjection"],
    "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
_WEIGHTS = "diffusion_pytorch_model.safetensors"


class ViewNetworks(NamedTuple):
    """The four networks, in float32."""

    autoencoder: AutoencoderKL
    unet: UNet2DCondition
    image_encoder: CLIPVision
    projection: Projection


class ViewModel(NamedTuple):
    """`tables` are the settings by component ("unet", "vae", "image_encoder", "scheduler");
    `params` has "unet", "vae", "image_encoder" and "cc_projection", float32."""

    tables: dict[str, Table]
    networks: ViewNetworks
    params: dict[str, Any]
    scheduler: Scheduler


def from_stable_diffusion(model: Model, encoder: ImageEncoder) -> ViewModel:
    """A Zero-1-to-3 before its first step, after the official one's way.

    The UNet gets as many input channels again, for the picture's latents, with zeros for weights:
    whatever it is given there, it computes what it did.  The projection [embedding; pose] ->
    context is the identity on as many features as both have and zero elsewhere, so that the pose
    changes nothing at first (the official one has the identity on all 768 features, and random
    weights for the pose: github.com/cvlab-columbia/zero123, ldm/models/diffusion/ddpm.py).
    """
    unet = {**model.tables.unet, "in_channels": 2 * model.tables.unet["in_channels"]}
    wide = model.tables.unet["cross_attention_dim"]
    join = ProjectionConfig(encoder.network.config.projection_dim + POSE, wide)
    networks = ViewNetworks(
        model.networks.autoencoder,
        UNet2DCondition(UNetConfig.from_dict(unet)),
        encoder.network,
        Projection(join),
    )
    tables = {
        "unet": unet,
        "vae": model.tables.autoencoder,
        "image_encoder": encoder.table,
        "scheduler": model.tables.scheduler,
    }
    params = {
        "unet": with_picture(model.params["unet"]),
        "vae": model.params["vae"],
        "image_encoder": encoder.params,
        "cc_projection": identity(join),
    }
    return ViewModel(tables, networks, params, model.scheduler)


def with_picture(params: Any) -> Any:
    """A UNet's parameters with as many input channels again behind its own, their weights zero."""
    kernel = params["conv_in"]["kernel"]
    wider = jnp.concatenate([kernel, jnp.zeros_like(kernel)], axis=2)
    return {**params, "conv_in": {**params["conv_in"], "kernel": wider}}


def identity(config: ProjectionConfig) -> dict[str, Float[Array, "..."]]:
    """Parameters of a projection that passes on an embedding's features and no pose."""
    kernel = jnp.eye(config.inputs, config.features).at[-POSE:].set(0.0)
    return {"kernel": kernel, "bias": jnp.zeros(config.features)}


def read_view_model(source: str | Path, revision: str | None = None) -> ViewModel:
    """The checkpoint of a folder or hub id, in the layouts of `sdjax.priors.zero123.load`.

    Raises:
        UserError: one sentence about what is missing, damaged or not supported.
    """
    folder = local_folder(source, revision, COMPONENTS, check_zero123_files)
    parts = parts_in(folder)
    networks = ViewNetworks(
        AutoencoderKL(parts.vae.config),
        UNet2DCondition(parts.unet.config),
        CLIPVision(parts.vision.config),
        Projection(parts.projection.config),
    )
    params = {
        "vae": parts.vae.loaded(networks.autoencoder),
        "unet": parts.unet.loaded(networks.unet),
        "image_encoder": parts.vision.loaded(networks.image_encoder),
        "cc_projection": parts.projection.loaded(networks.projection),
    }
    tables = {name: _table(folder, name) for name in ("unet", "vae", "image_encoder", "scheduler")}
    return ViewModel(tables, networks, params, read_scheduler(tables["scheduler"]))


def is_written(folder: str | Path) -> bool:
    """Whether `write_view_model` has come to its end there."""
    return (Path(folder) / _INDEX_FILE).exists()


def write_view_model(model: ViewModel, folder: str | Path, dtype: Any) -> None:
    """Write `folder` as `sdjax.priors.zero123.load` reads it, parameters in `dtype`: the layout of
    the published conversions (github.com/kxhit/zero123-hf)."""
    folder = Path(folder)
    for name, table in model.tables.items():
        _write(_file(folder, name), table)
    config = model.networks.projection.config
    sizes = {"in_channel": config.inputs, "out_channel": config.features}
    _write(_file(folder, "cc_projection"), {"_class_name": "CCProjection", **sizes})
    stored = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), model.params)
    stored["cc_projection"] = {"projection": stored["cc_projection"]}  # the name of its layer
    for name, params in stored.items():
        file = "model.safetensors" if name == "image_encoder" else _WEIGHTS
        save_params(params, folder / name, file)
    _write(folder / _INDEX_FILE, _INDEX)  # the last file


def image_size(model: ViewModel) -> int:
    """Pixels along an edge, of the pictures that it was made for."""
    autoencoder, latents = model.networks.autoencoder.config, model.networks.unet.config.sample_size
    return latents * autoencoder.factor if latents else autoencoder.sample_size


def _table(folder: Path, name: str) -> Table:
    table = read_json(_file(folder, name), "the settings of a part of a model")
    return vision_table(table) if name == "image_encoder" else table


def _file(folder: Path, name: str) -> Path:
    return folder / name / ("scheduler_config.json" if name == "scheduler" else "config.json")


def _write(file: Path, table: Table) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, table, sort_keys=True)
