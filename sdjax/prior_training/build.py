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
from sdjax.prior_training.new_words import lacking, with_words
from sdjax.prior_training.scenes import Framing, Variety
from sdjax.prior_training.sources import Bank, Renderings, Source, fresh, rendered
from sdjax.prior_training.tokenizer_files import write_tokenizer
from sdjax.prior_training.user_images import user_images
from sdjax.priors.small_files import check_small_files
from sdjax.text.tokenizer import load_tokenizer
from sdjax.weights.hub import local_folder

EVERYTHING = Odds(*(1.0,) * 5, empty=0.0, octant=0.0)
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
    """The checkpoint to start from.

    The tokenizer of a new one, and of one that learns new words, is written to the folder
    `tokenizer`; that of a new one only once, for a run that is resumed.
    """
    model, vocabulary_file = config.model, Path(tokenizer) / "vocab.json"
    if model.name == "checkpoint":
        return _with_new_words(config, read_model(model.weights, model.revision), tokenizer)
    known = vocabulary_file.exists()
    size = len(read_json(vocabulary_file, *_WORDS)) if known else write_words(config, tokenizer)
    return new_model(_tables(config, size), tokenizer, jax.random.key(config.seed))


def write_words(config: ConfigDict, tokenizer: str | Path) -> int:
    """Write a tokenizer of the captions' words to a folder; the size of its vocabulary."""
    return write_tokenizer(tokenizer, said_words(config), config.model.text.tokens)


def _with_new_words(config: ConfigDict, model: Model, tokenizer: str | Path) -> Model:
    missing = _learns_words(config) and lacking(model.tokenize, said_words(config))
    return with_words(model, said_words(config), tokenizer) if missing else model


def _learns_words(config: ConfigDict) -> bool:
    return config.data.name == "objects" and config.model.get("new_words", False)


def said_words(config: ConfigDict) -> list[str]:
    """Every word of the captions of the package's objects."""
    adjectives = {noun: tuple(set(words(noun)) - set(COLOURS)) for noun in config_nouns(config)}
    return sorted(vocabulary(adjectives, tuple(COLOURS)))


def config_nouns(config: ConfigDict) -> tuple[str, ...]:
    """The nouns of the data; of all objects where the pictures are the user's."""
    named = {obj.noun for obj in all_objects()}
    return tuple(sorted(config.data.nouns if config.data.name == "objects" else named))


def tokenizer_folder(config: ConfigDict, folder: Path) -> Path:
    """Where the model's tokenizer lies, or will: where it begins, unless it is new or learns
    words."""
    own, model = folder / "tokenizer", config.model
    if model.name == "new":
        return own
    given = local_folder(model.weights, model.revision, check=check_small_files) / "tokenizer"
    learns = _learns_words(config) and lacking(load_tokenizer(given), said_words(config))
    return own if learns else given


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
