"""The prior of a checkpoint: a folder in diffusers' layout, or its parts from elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sdjax.diffusion.scheduler_config import Scheduler
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.clip.text import CLIPText
from sdjax.networks.configuration import Fields
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.priors.architecture import architecture
from sdjax.priors.latent import VIEW_DEPENDENT, Embed, StableDiffusionPrior
from sdjax.priors.small_files import check_small_files, read_small_files
from sdjax.text.embeddings import embed
from sdjax.text.encoder import fingerprint, text_encoder
from sdjax.text.tokenizer import Tokenizer
from sdjax.text.views import Prompting
from sdjax.weights.hub import local_folder
from sdjax.weights.load import Params, load_params
from sdjax.weights.lora import Lora, check_files, given_lora
from sdjax.weights.template import checked_template
from sdjax.weights.tensors import tensor_shapes

_NETWORKS = ("unet", "vae", "text_encoder")


class Precision(NamedTuple):
    """In which dtypes the networks compute, and keep their parameters."""

    unet: Any = jnp.bfloat16
    autoencoder: Any = jnp.float32  # its gradient reaches the particle


HALF_PRECISION = Precision()


class Part(NamedTuple):
    """A network of a checkpoint.

    fields: of its config.json.  shapes(): of its tensors, by PyTorch's names.  params: of a
    template, in its nesting.  source: where they are from, the subject of the sentence about what
    is wrong with them.
    """

    fields: Fields
    shapes: Callable[[], Mapping[str, tuple[int, ...]]]
    params: Callable[[Params], Params]
    source: str


class Checkpoint(NamedTuple):
    """What a prior is made of, wherever it comes from; `embed` makes text embeddings of prompts."""

    unet: Part
    vae: Part
    scheduler: Scheduler
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
    lora: Sequence[str | Path] = (),
    lora_scale: float = 1.0,
) -> StableDiffusionPrior:
    """The prior of a diffusers folder or hub id.

    Everything small is checked before anything large is downloaded or read: files of LoRA, the
    configurations, the size, the tokenizer, then the names and shapes of all tensors.

    Args:
        source: a folder in the layout of diffusers, or a hub id.
        revision: of the hub id.
        image_size: pixels that the autoencoder sees; None for the size of the training data.  A
            size far from that is warned of.
        precision: of the networks.
        remat: recompute the networks' activations in the backward pass.
        prompting: how prompts are made, see `sdjax.text.views`.
        cache_dir: where text embeddings are kept, see `sdjax.text.embeddings`.
        lora: files of LoRA weights (or their folders) that are added to the UNet's and the text
            encoder's, in the naming of diffusers, PEFT or kohya.
        lora_scale: by which they are multiplied.

    Raises:
        UserError: one sentence about what is missing, damaged or not supported.
    """
    check_files(lora)
    check = partial(check_small_files, image_size=image_size)
    folder = local_folder(source, revision, check=check)
    small = read_small_files(folder)
    shapes = {name: tensor_shapes(folder / name) for name in _NETWORKS}
    checked_template(CLIPText(small.text), shapes["text_encoder"], f"'{folder / 'text_encoder'}'")
    added = given_lora(lora, lora_scale, shapes)
    part = lambda name, fields: _part(folder / name, fields, shapes[name], added)  # noqa: E731
    checkpoint = Checkpoint(
        unet=part("unet", small.unet),
        vae=part("vae", small.vae),
        scheduler=small.scheduler,
        embed=partial(_embed, folder, cache_dir, added, small.tokenizer),
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
    configs = architecture(checkpoint.unet.fields, checkpoint.vae.fields)
    size = configs.image_size(image_size)
    unet = UNet2DCondition(configs.unet, precision.unet, precision.unet, remat)
    autoencoder = AutoencoderKL(
        configs.autoencoder, precision.autoencoder, precision.autoencoder, remat
    )
    networks = ((checkpoint.unet, unet), (checkpoint.vae, autoencoder))
    templates = [checked_template(made, part.shapes(), part.source) for part, made in networks]
    return StableDiffusionPrior(
        **checkpoint.scheduler._asdict(),
        image_size=size,
        unet=unet,
        unet_params=checkpoint.unet.params(templates[0]),
        autoencoder=autoencoder,
        autoencoder_params=checkpoint.vae.params(templates[1]),
        embed=checkpoint.embed,
        prompting=prompting,
    )


def _part(folder: Path, fields: Fields, shapes: Mapping[str, Any], lora: Lora) -> Part:
    def params(template: Params) -> Params:
        return load_params(template, folder, changes=lora.changes(folder.name))

    return Part(fields, lambda: shapes, params, f"'{folder}'")


def _embed(
    folder: Path,
    cache_dir: str | Path | None,
    lora: Lora,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
) -> jax.Array:
    """The text encoder lives only as long as prompts are missing in the cache; prompts that are too
    long are warned of in any case."""

    def encode(missing: Sequence[str]) -> jax.Array:
        return text_encoder(folder, lora=lora, tokenize=tokenizer.ids)(missing)

    weights = fingerprint(folder, lora=lora)
    return jnp.asarray(embed(tokenizer.fitting(prompts), encode, weights, cache_dir))
