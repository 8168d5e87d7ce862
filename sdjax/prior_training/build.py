"""What the table of a configuration of `sdjax.train_prior` asks for."""

from collections.abc import Callable
from pathlib import Path

import jax
from ml_collections import ConfigDict

from sdjax.files.plain_files import read_json
from sdjax.objects.prompts import all_objects, words
from sdjax.objects.variants import COLOURS
from sdjax.prior_training import networks as tables
from sdjax.prior_training.captions import Odds, vocabulary
from sdjax.prior_training.fitting import Plan
from sdjax.prior_training.model import Model, new_model, read_model
from sdjax.prior_training.scenes import Framing, Variety
from sdjax.prior_training.sources import Bank, Renderings, Source, fresh, rendered
from sdjax.prior_training.tokenizer_files import write_tokenizer
from sdjax.prior_training.user_images import user_images
from sdjax.priors.small_files import check_small_files
from sdjax.weights.hub import local_folder

EVERYTHING = Odds(*(1.0,) * 5, empty=0.0)
_WORDS = "the words of this run's tokenizer", "remove its folder, and it is written anew"
PICTURES, HELD_OUT = 1, 2  # second number of the generators' seeds


def make_renderings(config: ConfigDict) -> Renderings:
    """What `config.data` says of the package's objects."""
    return renderings_of(config.data, config.resolution, Odds(**config.data.says))


def renderings_of(table: ConfigDict, resolution: int, odds: Odds = EVERYTHING) -> Renderings:
    """What a table of objects and cameras says."""
    return Renderings(
        [obj for obj in all_objects() if obj.noun in table.nouns],
        resolution,
        Framing(table.elevation, table.distance, table.fovy, table.overhead),
        Variety(table.stretch, table.shade),
        odds,
    )


def make_source(config: ConfigDict, tell: Callable[[int], None] | None = None) -> Source:
    """The training pictures; `tell(done)` while many are rendered."""
    if config.data.name == "folder":
        return user_images(config.data.path, config.resolution, config.data.empty)
    renderings = make_renderings(config)
    if not config.data.pictures:
        return fresh(renderings)
    return rendered(renderings, config.data.pictures, (config.seed, PICTURES), tell)


def make_held_out(config: ConfigDict) -> Bank:
    """Pictures to judge by: renderings that training does not see, or the user's own pictures."""
    if config.data.name == "folder":
        bank = user_images(config.data.path, config.resolution, config.data.empty)
        return Bank(bank.values[: config.report.held_out], bank.caption)
    return rendered(make_renderings(config), config.report.held_out, (config.seed, HELD_OUT))


def make_model(config: ConfigDict, tokenizer: str | Path) -> Model:
    """The checkpoint to start from; a new one's tokenizer is written to the folder `tokenizer`,
    unless the run that is resumed has left it there."""
    model, vocabulary_file = config.model, Path(tokenizer) / "vocab.json"
    if model.name == "checkpoint":
        return read_model(model.weights, model.revision)
    known = vocabulary_file.exists()
    size = len(read_json(vocabulary_file, *_WORDS)) if known else _write_words(config, tokenizer)
    return new_model(_tables(config, size), tokenizer, jax.random.key(config.seed))


def _write_words(config: ConfigDict, tokenizer: str | Path) -> int:
    adjectives = {noun: tuple(set(words(noun)) - set(COLOURS)) for noun in config_nouns(config)}
    said = sorted(vocabulary(adjectives, tuple(COLOURS)))
    return write_tokenizer(tokenizer, said, config.model.text.tokens)


def config_nouns(config: ConfigDict) -> tuple[str, ...]:
    """The nouns of the data; of all objects where the pictures are the user's."""
    named = {obj.noun for obj in all_objects()}
    return tuple(sorted(config.data.nouns if config.data.name == "objects" else named))


def tokenizer_folder(config: ConfigDict, folder: Path) -> Path:
    """Where the model's tokenizer lies, or will."""
    if config.model.name == "checkpoint":
        model = config.model
        folder = local_folder(model.weights, model.revision, check=check_small_files)
        return folder / "tokenizer"
    return folder / "tokenizer"


def make_plan(config: ConfigDict, stage: ConfigDict) -> Plan:
    """Of the stage whose table is `stage`."""
    fields = {name: stage[name] for name in Plan._fields if name in stage}
    return Plan(**fields, **config.run)


def _tables(config: ConfigDict, vocabulary_size: int) -> tables.Tables:
    model = config.model
    coder, unet, text = model.autoencoder, model.unet, model.text
    side = config.resolution // 2 ** (len(coder.channels) - 1)
    return tables.Tables(
        autoencoder=tables.autoencoder_table(
            coder.channels, coder.layers, coder.latent_channels, coder.groups, config.resolution
        ),
        text=tables.text_table(text.width, text.layers, text.heads, vocabulary_size, text.tokens),
        unet=tables.unet_table(
            unet.channels,
            unet.layers,
            unet.heads,
            unet.groups,
            unet.attention,
            (side, coder.latent_channels),
            text.width,
        ),
        scheduler=tables.scheduler_table(model.prediction),
    )
