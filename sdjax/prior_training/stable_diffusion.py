"""Training a small Stable Diffusion, or one on pictures of one's own."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from sdjax.config.errors import UserError
from sdjax.config.fields import flag, text, whole
from sdjax.config.kinds import Choice, Fields, kinds
from sdjax.prior_training import autoencoder_stage, diffusion_stage
from sdjax.prior_training.build import (
    make_held_out,
    make_model,
    make_source,
    tokenizer_folder,
)
from sdjax.prior_training.captions import ODDS
from sdjax.prior_training.kind import Kind, Tell, Training
from sdjax.prior_training.model import CHECKPOINT, Model, is_written, read_model, write_model
from sdjax.prior_training.networks import AUTOENCODER, PREDICTION, TEXT, UNET
from sdjax.prior_training.place import Place
from sdjax.prior_training.samples import REPORT, reconstructions
from sdjax.prior_training.sources import OBJECTS, Source
from sdjax.prior_training.stages import draw_samples, train_autoencoder, train_diffusion
from sdjax.reports.pictures import save_png


class Alternative(NamedTuple):
    """One of the tables that may stand in a place; `begin` makes what it says."""

    name: str
    fields: Fields


PICTURES = whole(at_least=0).of(32_768, "rendered before training; 0: new ones for every batch")
OF_FOLDER = {
    "path": text().says("the folder of pictures and captions"),
    "empty": ODDS["empty"],
}
OF_NEW = {"autoencoder": AUTOENCODER, "text": TEXT, "unet": UNET, "prediction": PREDICTION}
DATA = kinds(
    Alternative("objects", {**OBJECTS, "pictures": PICTURES, "says": ODDS}),
    Alternative("folder", OF_FOLDER),
)
NEW_WORDS = flag().of(True, "captions of objects have a token for every word, new ones if needed")
MODELS = kinds(
    Alternative("new", OF_NEW), Alternative("checkpoint", {**CHECKPOINT, "new_words": NEW_WORDS})
)
FIELDS = {
    "data": Choice(DATA, "objects", "what is learned"),
    "model": Choice(MODELS, "new", "where training begins"),
    "autoencoder": autoencoder_stage.FIELDS,
    "diffusion": diffusion_stage.FIELDS,
    "report": REPORT,
}


def begin(config: Any, folder: Path, tell: Tell) -> Training:
    """The autoencoder first, then UNet and text encoder."""
    tokenizer = tokenizer_folder(config, folder)
    written = folder / "model"
    made: list[Source] = []

    def source() -> Source:
        if not made:
            made.append(make_source(config, partial(_told, tell, config)))
        return made[0]

    def stage(train: Any, model: Model, place: Place) -> Model:
        return train(config, model, source(), place)

    done = is_written(written)
    return Training(
        model=read_model(written) if done else make_model(config, tokenizer),
        is_done=done,
        stages={
            "autoencoder": partial(stage, train_autoencoder),
            "diffusion": partial(stage, train_diffusion),
        },
        write=lambda model, folder, dtype: write_model(model, folder, tokenizer, dtype),
        judge=partial(_judge, config),
    )


def _told(tell: Tell, config: Any, done: int) -> None:
    tell("rendering", done, config.data.pictures)


def _judge(config: Any, model: Model, folder: Path) -> dict[str, Any]:
    """Sheets of what the model draws, and the figures that need no classifier."""
    sheet, psnr = reconstructions(model, make_held_out(config).values)
    save_png(folder / "reconstructions.png", sheet)
    save_png(folder / "samples.png", draw_samples(config, model))
    sizes = {
        name: sum(leaf.size for leaf in jax.tree.leaves(params))
        for name, params in model.params.items()
    }
    return {"parameters": sizes, "autoencoder_psnr": round(float(psnr.mean()), 2)}


def _check(config: Any) -> None:
    if config.model.name == "new" and not config.autoencoder.steps:
        raise UserError(
            "config.autoencoder.steps is 0 for a new model, expected at least 1: its autoencoder "
            "has random weights."
        )


KIND = Kind("stable_diffusion", FIELDS, begin, _check)
