"""Training a CLIP on captioned renderings, or one on pictures of one's own."""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.config.errors import UserError
from sdjax.config.fields import text, whole
from sdjax.config.kinds import Choice, kinds
from sdjax.files.plain_files import read_json
from sdjax.prior_training import clip_stage
from sdjax.prior_training.build import (
    HELD_OUT,
    make_held_out,
    make_plan,
    make_renderings,
    make_source,
    write_words,
)
from sdjax.prior_training.clip_model import (
    Clip,
    clip_table,
    is_clip,
    new_clip,
    read_clip,
    read_table,
    towers,
    vision_part,
    write_clip,
)
from sdjax.prior_training.clip_report import figures, retrieval
from sdjax.prior_training.held_out import REPORT, held_out
from sdjax.prior_training.kind import Kind, Tell, Training
from sdjax.prior_training.networks import TEXT, text_table
from sdjax.prior_training.place import Place, fitted
from sdjax.prior_training.stable_diffusion import DATA, Alternative
from sdjax.weights.hub import given_path
from sdjax.weights.shipped import CLIP

_STAGE = 6  # second number of the generators' seeds
_WORDS = "the words of this run's tokenizer", "remove its folder, and it is written anew"
VISION = {
    "width": whole(at_least=1).of(128, "features of a square"),
    "layers": whole(at_least=1).of(3, "of the image encoder"),
    "heads": whole(at_least=1).of(4, "of the image encoder's attention"),
    "patch": whole(at_least=1).of(16, "pixels of a square along an edge"),
}
OF_NEW = {
    "text": TEXT,
    "vision": VISION,
    "projection": whole(at_least=1).of(128, "numbers of an embedding"),
}
OF_CHECKPOINT = {"weights": text().of(CLIP, "the folder of a transformers CLIPModel")}
MODELS = kinds(Alternative("new", OF_NEW), Alternative("checkpoint", OF_CHECKPOINT))
FIELDS = {
    "data": Choice(DATA, "objects", "what is learned"),
    "model": Choice(MODELS, "new", "where training begins"),
    "clip": clip_stage.FIELDS,
    "report": REPORT,
}


def begin(config: Any, folder: Path, tell: Tell) -> Training:
    """One stage, on pictures that are disturbed anew in each step."""
    written, tokenizer = folder / "model", _tokenizer_folder(config, folder)
    done = is_clip(written)
    return Training(
        model=read_clip(written) if done else _start(config, tokenizer),
        is_done=done,
        stages={"clip": lambda clip, place: train_clip(config, clip, place, tell)},
        write=lambda clip, folder, dtype: write_clip(clip, folder, tokenizer, dtype),
        judge=lambda clip, folder: _judge(config, clip),
    )


def train_clip(config: Any, clip: Clip, place: Place, tell: Tell) -> Clip:
    """The CLIP with the average of the parameters over the last steps."""
    source = make_source(config, lambda done: tell("rendering", done, config.data.pictures))
    plan = make_plan(config, config.clip)

    def batches(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        batch = source.batch(generator, plan.batch)
        return batch.values, clip.tokenize(batch.captions)

    loss, seed = partial(clip_stage.clip_loss, clip.towers), (config.seed, _STAGE)
    params = fitted("clip", loss, clip.params, batches, plan, seed, place)
    return clip._replace(params=jax.tree.map(jnp.asarray, params))


def _tokenizer_folder(config: Any, folder: Path) -> Path:
    """Where the tokenizer lies, or will."""
    is_new = config.model.name == "new"
    return folder / "tokenizer" if is_new else given_path(config.model.weights)


def _start(config: Any, tokenizer: Path) -> Clip:
    model, known = config.model, tokenizer / "vocab.json"
    if model.name == "checkpoint":
        return read_clip(model.weights)
    size = len(read_json(known, *_WORDS)) if known.exists() else write_words(config, tokenizer)
    told, shown = model.text, model.vision
    table = clip_table(
        text_table(told.width, told.layers, told.heads, size, told.tokens),
        vision_part(shown.width, shown.layers, shown.heads, shown.patch, config.resolution),
        model.projection,
    )
    return new_clip(table, tokenizer, jax.random.key(config.seed))


def _judge(config: Any, clip: Clip) -> dict[str, Any]:
    """The number of parameters, and how often the right caption is the nearest."""
    size, report = sum(leaf.size for leaf in jax.tree.leaves(clip.params)), config.report
    if config.data.name == "folder":
        return {"parameters": size, **retrieval(clip, make_held_out(config))}
    seed = (config.seed, HELD_OUT)
    shown = held_out(make_renderings(config), report.held_out, seed, report.margin)
    return {"parameters": size, **figures(clip, shown, config.seed)}


def _check(config: Any) -> None:
    model = config.model
    if model.name == "new" and config.resolution % model.vision.patch:
        raise UserError(
            f"config.resolution is {config.resolution}, expected a multiple of "
            f"config.model.vision.patch, {model.vision.patch}."
        )
    if model.name == "checkpoint":
        size = towers(read_table(model.weights)).vision.config.image_size
        if size != config.resolution:
            raise UserError(
                f"config.resolution is {config.resolution}, expected {size}, which the CLIP "
                f"'{model.weights}' was trained on."
            )


KIND = Kind("clip", FIELDS, begin, _check)
