"""Training a small MVDream on a small Stable Diffusion, or one on pictures of one's own."""

from functools import partial
from pathlib import Path
from typing import Any

import jax

from sdjax.config.fields import whole
from sdjax.config.kinds import Choice, kinds
from sdjax.objects.prompts import all_objects
from sdjax.prior_training.build import PICTURES
from sdjax.prior_training.captions import ODDS, Odds
from sdjax.prior_training.kind import Kind, Tell, Training
from sdjax.prior_training.model import CHECKPOINT, Model, is_written, read_model
from sdjax.prior_training.multiview_folders import user_scenes
from sdjax.prior_training.multiview_model import model_folder, read_views_model, write_views_model
from sdjax.prior_training.multiview_samples import REPORT, draw_samples
from sdjax.prior_training.multiview_sources import VIEWS, Source, fresh, rendered
from sdjax.prior_training.multiview_stage import FIELDS as STAGE
from sdjax.prior_training.multiview_stage import train_views
from sdjax.prior_training.place import Place
from sdjax.prior_training.scenes import Framing, Variety
from sdjax.prior_training.sources import OBJECTS, Renderings
from sdjax.prior_training.stable_diffusion import OF_FOLDER, Alternative
from sdjax.priors.roles import MVDREAM
from sdjax.reports.pictures import save_png

_SCENES = "of four views each, rendered before training; 0: new ones for every batch"
# The camera says from where an object is seen, no word.
_OBJECTS = {name: field for name, field in OBJECTS.items() if name != "overhead"}
_SAYS = {name: field for name, field in ODDS.items() if name not in ("view", "octant")}
DATA = kinds(
    Alternative(
        "objects", {**_OBJECTS, "scenes": whole(at_least=0).of(8192, _SCENES), "says": _SAYS}
    ),
    Alternative("folder", OF_FOLDER),
)
FIELDS = {
    "data": Choice(DATA, "objects", "what is learned"),
    "model": CHECKPOINT,
    "diffusion": STAGE,
    "report": REPORT,
}


def begin(config: Any, folder: Path, tell: Tell) -> Training:
    """One stage: the UNet, which is told cameras now, and sees four views at once."""
    tokenizer = model_folder(config.model.weights, config.model.revision) / "tokenizer"
    written = folder / "model"
    done = is_written(written)

    def stage(model: Model, place: Place) -> Model:
        return train_views(config, model, make_scenes(config, tell), place)

    return Training(
        model=read_model(written, role=MVDREAM) if done else _start(config),
        is_done=done,
        stages={"diffusion": stage},
        write=lambda model, folder, dtype: write_views_model(model, folder, tokenizer, dtype),
        judge=partial(_judge, config),
    )


def make_scenes(config: Any, tell: Tell = lambda what, done, total: None) -> Source:
    """What is trained on; `tell` while many scenes are rendered."""
    data = config.data
    if data.name == "folder":
        return user_scenes(data.path, config.resolution, data.empty)
    if not data.scenes:
        return fresh(renderings_of(config))
    total = VIEWS * data.scenes
    seed = config.seed, PICTURES
    return rendered(
        renderings_of(config), data.scenes, seed, lambda done: tell("rendering", done, total)
    )


def renderings_of(config: Any) -> Renderings:
    """What `config.data` says of the package's objects; captions name no view."""
    data = config.data
    return Renderings(
        [obj for obj in all_objects() if obj.noun in data.nouns],
        config.resolution,
        Framing(data.elevation, data.distance, data.fovy),
        Variety(data.stretch, data.shade),
        Odds(**data.says, view=0.0),
    )


def _start(config: Any) -> Model:
    model = config.model
    return read_views_model(model.weights, model.revision, jax.random.key(config.seed))


def _judge(config: Any, model: Model, folder: Path) -> dict[str, Any]:
    """A sheet of what the model draws; figures come of `sdjax.prior_training.multiview_judging`."""
    save_png(folder / "samples.png", draw_samples(config, model))
    leaves = jax.tree.leaves(model.params["unet"])
    return {"parameters": {"unet": sum(leaf.size for leaf in leaves)}}


KIND = Kind("mvdream", FIELDS, begin)
