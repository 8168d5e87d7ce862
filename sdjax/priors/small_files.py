"""What the small files of a model's folder say, looked at before anything large is."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sdjax.diffusion.scheduler_config import Scheduler, read_scheduler
from sdjax.files.plain_files import read_json
from sdjax.networks.clip.config import TextConfig
from sdjax.priors.architecture import architecture
from sdjax.text.encoder import text_config
from sdjax.text.tokenizer import Tokenizer, load_tokenizer

Fields = Mapping[str, Any]


class SmallFiles(NamedTuple):
    """The fields of the networks' configurations, what the other two say, and the tokenizer."""

    unet: Fields
    vae: Fields
    scheduler: Scheduler
    text: TextConfig
    tokenizer: Tokenizer


def read_small_files(folder: Path) -> SmallFiles:
    """UserError, one sentence, if one of them is missing, damaged or not supported, or if they do
    not belong together."""
    unet = read_json(folder / "unet" / "config.json", "the configuration of a UNet")
    vae = read_json(folder / "vae" / "config.json", "the configuration of an autoencoder")
    file = folder / "scheduler" / "scheduler_config.json"
    scheduler = read_scheduler(read_json(file, "the configuration of a scheduler"))
    text = text_config(folder)
    architecture(unet, vae).check_text(text)
    return SmallFiles(unet, vae, scheduler, text, load_tokenizer(folder / "tokenizer"))


def check_small_files(folder: Path, image_size: int | None = None) -> None:
    """UserError, before anything large is there, as `read_small_files`, and if the networks cannot
    have that size; what these warn of is told once, where the folder is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small = read_small_files(folder)
        architecture(small.unet, small.vae).image_size(image_size)
