"""The prior of a Stable Diffusion checkpoint: a folder in diffusers' layout, or its parts."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp

from sdjax.diffusion.scheduler_config import Scheduler
from sdjax.networks.clip.text import CLIPText
from sdjax.priors.parts import HALF_PRECISION, Part, Precision, networks_of, of_folder
from sdjax.priors.small_files import check_small_files, read_small_files
from sdjax.priors.text_to_image import VIEW_DEPENDENT, Embed, StableDiffusionPrior
from sdjax.text.embeddings import embed
from sdjax.text.encoder import NO_LORA, fingerprint, text_encoder
from sdjax.text.tokenizer import Tokenizer
from sdjax.text.views import Prompting
from sdjax.weights.hub import local_folder
from sdjax.weights.lora import Lora, check_files, given_lora
from sdjax.weights.template import checked_template
from sdjax.weights.tensors import tensor_shapes

_NETWORKS = ("unet", "vae", "text_encoder")


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
    remat: str | bool = "none",
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
        remat: what the networks compute again in the backward pass ("none", "products", "blocks"),
            see `sdjax.networks.rematerialisation`.
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
    configs = {"unet": small.networks.unet, "vae": small.networks.autoencoder}
    parts = {
        name: of_folder(folder / name, config, added, shapes[name])
        for name, config in configs.items()
    }
    embed = embedding_of(folder, small.tokenizer, cache_dir, added)
    checkpoint = Checkpoint(**parts, scheduler=small.scheduler, embed=embed)
    return made_prior(checkpoint, image_size, precision, remat, prompting)


def made_prior(
    checkpoint: Checkpoint,
    image_size: int | None,
    precision: Precision,
    remat: str | bool,
    prompting: Prompting,
) -> StableDiffusionPrior:
    """The prior of a checkpoint's parts; the other arguments and errors are those of `load`."""
    unet, vae, scheduler, embed = checkpoint
    networks = networks_of(unet, vae, image_size, precision, remat)
    return StableDiffusionPrior(**scheduler._asdict(), **networks, embed=embed, prompting=prompting)


def embedding_of(
    folder: Path, tokenizer: Tokenizer, cache_dir: str | Path | None, lora: Lora = NO_LORA
) -> Embed:
    """The text embeddings of a folder's `text_encoder`, which lives only as long as prompts are
    missing in the cache; prompts that are too long are warned of in any case."""

    def encode(missing: Sequence[str]) -> jax.Array:
        return text_encoder(folder, lora=lora, tokenize=tokenizer.ids)(missing)

    def embedded(prompts: Sequence[str]) -> jax.Array:
        weights = fingerprint(folder, lora=lora)
        return jnp.asarray(embed(tokenizer.fitting(prompts), encode, weights, cache_dir))

    return embedded
