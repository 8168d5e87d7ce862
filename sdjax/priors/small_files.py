"""What the small files of a model's folder say, looked at before anything large is."""

import warnings
from pathlib import Path
from typing import NamedTuple

from sdjax.diffusion.scheduler_config import Scheduler, read_scheduler
from sdjax.files.plain_files import read_json
from sdjax.networks.clip.config import TextConfig
from sdjax.priors.architecture import Architecture, architecture
from sdjax.priors.roles import TEXT_TO_IMAGE
from sdjax.text.encoder import text_config
from sdjax.text.tokenizer import Tokenizer, load_tokenizer


class Diffusion(NamedTuple):
    """The networks that make pictures of noise, and the process that they were trained on."""

    networks: Architecture
    scheduler: Scheduler


class SmallFiles(NamedTuple):
    """Those, and what reads prompts."""

    networks: Architecture
    scheduler: Scheduler
    text: TextConfig
    tokenizer: Tokenizer


def read_diffusion(folder: Path, role: str) -> Diffusion:
    """UserError, one sentence, if one of the files is missing, damaged or not supported, or if the
    UNet is not one of the prior whose name is `role`."""
    unet = read_json(folder / "unet" / "config.json", "the configuration of a UNet")
    vae = read_json(folder / "vae" / "config.json", "the configuration of an autoencoder")
    file = folder / "scheduler" / "scheduler_config.json"
    scheduler = read_scheduler(read_json(file, "the configuration of a scheduler"))
    return Diffusion(architecture(unet, vae, role), scheduler)


def read_small_files(folder: Path, role: str = TEXT_TO_IMAGE) -> SmallFiles:
    """UserError as `read_diffusion`, and if the files do not belong together."""
    networks, scheduler = read_diffusion(folder, role)
    text = text_config(folder)
    networks.check_text(text)
    return SmallFiles(networks, scheduler, text, load_tokenizer(folder / "tokenizer"))


def check_small_files(
    folder: Path, image_size: int | None = None, role: str = TEXT_TO_IMAGE
) -> None:
    """UserError, before anything large is there, as `read_small_files`, and if the networks cannot
    have that size; what these warn of is told once, where the folder is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_small_files(folder, role).networks.image_size(image_size)
