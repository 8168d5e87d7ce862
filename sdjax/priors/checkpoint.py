"""The prior of a checkpoint: a folder in diffusers' layout, or its parts from elsewhere."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sdjax.config.errors import UserError
from sdjax.diffusion.scheduler_config import read_scheduler
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.configuration import Fields
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.priors.latent import VIEW_DEPENDENT, Embed, StableDiffusionPrior
from sdjax.text.embeddings import embed
from sdjax.text.encoder import fingerprint, text_encoder
from sdjax.text.views import Prompting
from sdjax.weights.hub import local_folder
from sdjax.weights.load import Params, load_params


class Precision(NamedTuple):
    """In which dtypes the networks compute, and keep their parameters."""

    unet: Any = jnp.bfloat16
    autoencoder: Any = jnp.float32  # its gradient reaches the particle


HALF_PRECISION = Precision()


class Checkpoint(NamedTuple):
    """What a prior is made of, wherever it comes from.

    unet, vae, scheduler: the fields of their configuration files.
    params: of "unet" or "vae", in the nesting of a template.
    embed: text embeddings of prompts.
    """

    unet: Fields
    vae: Fields
    scheduler: dict[str, Any]
    params: Callable[[str, Params], Params]
    embed: Embed


def load(
    source: str | Path,
    revision: str | None = None,
    *,
    image_size: int | None = None,
    precision: Precision = HALF_PRECISION,
    remat: bool = False,
    prompting: Prompting = VIEW_DEPENDENT,
    cache_dir: str | Path | None = None,
) -> StableDiffusionPrior:
    """The prior of a diffusers folder or hub id.

    Args:
        source: a folder in the layout of diffusers, or a hub id.
        revision: of the hub id.
        image_size: pixels that the autoencoder sees; None for the size of the training data.
        precision: of the networks.
        remat: recompute the networks' activations in the backward pass.
        prompting: how prompts are made, see `sdjax.text.views`.
        cache_dir: where text embeddings are kept, see `sdjax.text.embeddings`.

    Raises:
        ValueError: one sentence about what is missing, damaged or not supported.
    """
    folder = local_folder(source, revision)
    checkpoint = Checkpoint(
        unet=_read(folder / "unet" / "config.json"),
        vae=_read(folder / "vae" / "config.json"),
        scheduler=_read(folder / "scheduler" / "scheduler_config.json"),
        params=lambda name, template: load_params(template, folder / name),
        embed=partial(_embed, folder, cache_dir),
    )
    return made_prior(checkpoint, image_size, precision, remat, prompting)


def made_prior(
    checkpoint: Checkpoint,
    image_size: int | None,
    precision: Precision,
    remat: bool,
    prompting: Prompting,
) -> StableDiffusionPrior:
    """The prior of a checkpoint's parts; the other arguments and errors are those of `load`."""
    unet_config = UNetConfig.from_dict(checkpoint.unet)
    autoencoder_config = AutoencoderConfig.from_dict(checkpoint.vae)
    _check_channels(unet_config, autoencoder_config)
    unet = UNet2DCondition(unet_config, precision.unet, precision.unet, remat)
    autoencoder = AutoencoderKL(
        autoencoder_config, precision.autoencoder, precision.autoencoder, remat
    )
    return StableDiffusionPrior(
        **read_scheduler(checkpoint.scheduler)._asdict(),
        image_size=_image_size(image_size, unet_config, autoencoder_config),
        unet=unet,
        unet_params=checkpoint.params("unet", parameter_shapes(unet)),
        autoencoder=autoencoder,
        autoencoder_params=checkpoint.params("vae", parameter_shapes(autoencoder)),
        embed=checkpoint.embed,
        prompting=prompting,
    )


def _embed(folder: Path, cache_dir: str | Path | None, prompts: list[str]) -> jax.Array:
    """The text encoder lives only as long as prompts are missing in the cache."""
    encode = lambda missing: text_encoder(folder)(missing)  # noqa: E731
    return jnp.asarray(embed(prompts, encode, fingerprint(folder), cache_dir))


def _image_size(given: int | None, unet: UNetConfig, autoencoder: AutoencoderConfig) -> int:
    own = unet.sample_size * autoencoder.factor if unet.sample_size else autoencoder.sample_size
    size = own if given is None else given
    multiple = autoencoder.factor * 2 ** (len(unet.block_out_channels) - 1)
    if size % multiple:
        nearest = max(multiple, round(size / multiple) * multiple)
        raise UserError(
            f"image_size is {size}, expected a multiple of {multiple} for these networks; "
            f"the nearest is {nearest}."
        )
    return size


def _check_channels(unet: UNetConfig, autoencoder: AutoencoderConfig) -> None:
    if not unet.in_channels == unet.out_channels == autoencoder.latent_channels:
        raise UserError(
            f"The UNet takes {unet.in_channels} channels and returns {unet.out_channels}, expected "
            f"the {autoencoder.latent_channels} of the latents for both: a text-to-image model."
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; expected a folder in diffusers' layout.") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is damaged ({error}).") from error
