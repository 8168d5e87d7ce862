"""Training a small Zero-1-to-3 on the package's objects, or on pictures of one's own."""

from pathlib import Path
from typing import Any

import jax

from sdjax.config.errors import UserError
from sdjax.config.fields import optional, text
from sdjax.config.kinds import Choice, kinds
from sdjax.prior_training.image_encoder import read_image_encoder
from sdjax.prior_training.kind import Kind, Tell, Training
from sdjax.prior_training.model import CHECKPOINT, read_model
from sdjax.prior_training.novel_view_data import DATA, make_shown, make_trials
from sdjax.prior_training.novel_view_figures import figures
from sdjax.prior_training.novel_view_model import (
    ViewModel,
    from_stable_diffusion,
    image_size,
    is_written,
    read_view_model,
    write_view_model,
)
from sdjax.prior_training.novel_view_samples import REPORT, ROWS, draw_trials, view_sheet
from sdjax.prior_training.novel_view_stage import FIELDS as DIFFUSION
from sdjax.prior_training.novel_view_stage import train_novel_view
from sdjax.prior_training.novel_view_trials import Trials, first
from sdjax.prior_training.place import Place
from sdjax.prior_training.stable_diffusion import Alternative
from sdjax.reports.pictures import save_png
from sdjax.runs.sampling import Sampling
from sdjax.weights.shipped import CLIP

OF_STABLE_DIFFUSION = {
    **CHECKPOINT,
    "image_encoder": text().of(CLIP, "the folder of a CLIP, or of its image encoder"),
}
OF_CHECKPOINT = {
    "weights": text().of("sdjax-small-view", "a Zero-1-to-3 in diffusers' layout, or a hub id"),
    "revision": optional(text()).of(None, "of the hub id"),
}
MODELS = kinds(
    Alternative("stable_diffusion", OF_STABLE_DIFFUSION), Alternative("checkpoint", OF_CHECKPOINT)
)
FIELDS = {
    "data": Choice(DATA, "objects", "what is learned"),
    "model": Choice(MODELS, "stable_diffusion", "where training begins"),
    "diffusion": DIFFUSION,
    "report": REPORT,
}


def begin(config: Any, folder: Path, tell: Tell) -> Training:
    """One stage: UNet and projection, beside an image encoder and an autoencoder that stay."""
    written = folder / "model"
    done = is_written(written)
    model = read_view_model(written) if done else _start(config.model)
    _check_size(config, model)
    made: list[Trials] = []

    def trials() -> Trials:
        if not made:
            made.append(make_trials(config))
        return made[0]

    def train(model: ViewModel, place: Place) -> ViewModel:
        return _train(config, model, place, trials, tell)

    return Training(
        model=model,
        is_done=done,
        stages={"diffusion": train},
        write=write_view_model,
        judge=lambda model, folder: _judge(config, model, folder, trials()),
    )


def _start(table: Any) -> ViewModel:
    if table.name == "checkpoint":
        return read_view_model(table.weights, table.revision)
    encoder = read_image_encoder(table.image_encoder)
    return from_stable_diffusion(read_model(table.weights, table.revision), encoder)


def _train(config: Any, model: ViewModel, place: Place, trials: Any, tell: Tell) -> ViewModel:
    if not config.diffusion.steps:
        return model

    def show(model: ViewModel, step: int) -> None:
        folder = place.folder / "sheets"
        folder.mkdir(exist_ok=True)
        few = first(trials(), ROWS)
        save_png(folder / f"views_{step}.png", view_sheet(*_drawn(config, model, few)))

    shown = make_shown(config, lambda done: tell("rendering", done, config.data.pictures))
    return train_novel_view(config, model, shown, place, show)


def _drawn(config: Any, model: ViewModel, trials: Trials) -> tuple[Trials, Any]:
    report = config.report
    sampling = Sampling(report.guidance_scale, report.steps)
    return trials, draw_trials(model, trials, report.seeds, sampling)


def _judge(config: Any, model: ViewModel, folder: Path, trials: Trials) -> dict[str, Any]:
    """A sheet of views, and the figures of all trials."""
    drawn = _drawn(config, model, trials)
    save_png(folder / "views.png", view_sheet(*drawn))
    sizes = {
        name: sum(leaf.size for leaf in jax.tree.leaves(params))
        for name, params in model.params.items()
    }
    return {"parameters": sizes, **figures(*drawn)}


def _check_size(config: Any, model: ViewModel) -> None:
    if (size := image_size(model)) != config.resolution:
        raise UserError(
            f"config.resolution is {config.resolution}, expected {size}, for which the networks "
            "were trained."
        )


def _check(config: Any) -> None:
    """What can be told before anything is written."""
    table = config.data
    if table.name == "objects" and table.pictures < table.views:
        raise UserError(
            f"config.data.pictures is {table.pictures}, expected at least the {table.views} views "
            "of one object."
        )


KIND = Kind("zero123", FIELDS, begin, _check)
