"""What a Zero-1-to-3 is trained on and judged by, as a configuration says it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sdjax.config.fields import fields_of, interval, number, one_of, several, text, whole
from sdjax.config.kinds import kinds
from sdjax.objects.model import Object
from sdjax.objects.prompts import CATEGORIES, OPEN_CATEGORIES, find
from sdjax.prior_training.build import HELD_OUT, PICTURES
from sdjax.prior_training.novel_view_pairs import Shown, independent_cameras, of_renderings
from sdjax.prior_training.novel_view_trials import Trials, trials_of_objects, trials_of_views
from sdjax.prior_training.object_views import rendered_views
from sdjax.prior_training.scenes import FRAMING, VARIETY, Framing, Variety
from sdjax.prior_training.stable_diffusion import Alternative
from sdjax.prior_training.views_of_objects import Views, views_in

NOUNS = (*CATEGORIES, *OPEN_CATEGORIES)
OF_OBJECTS = {
    "nouns": several(one_of(*NOUNS)).of(NOUNS, "the objects that are shown"),
    **{name: field for name, field in FRAMING.items() if name != "overhead"},
    **VARIETY,
    "given": interval(number(at_least=-90, at_most=90)).of(
        (0.0, 30.0), "elevations of the cameras whose pictures are given, degrees"
    ),
    "pictures": whole(at_least=2).of(32_768, "rendered before training"),
    "views": whole(at_least=2).of(4, "of each object"),
}
OF_FOLDER = {
    "path": text().says("the folder of pictures, with their cameras in metadata.jsonl"),
    **fields_of(
        views_in,
        distance=number(at_least=1).says("of cameras that say none, world units"),
        fovy=number(above=0, at_most=179).says("of cameras that say none, degrees"),
    ),
}
DATA = kinds(Alternative("objects", OF_OBJECTS), Alternative("folder", OF_FOLDER))


def make_shown(config: Any, tell: Callable[[int], None] | None = None) -> Shown:
    """The training pictures; `tell(done)` while many are rendered.  Of a user's own, every one may
    be given."""
    table = config.data
    if table.name == "folder":
        views = _own_views(config)
        return Shown(views, views.objects >= 0)
    cameras = partial(
        independent_cameras, views=table.views, framing=framing_of(table), given=table.given
    )
    made = rendered_views(
        objects_of(table),
        Variety(table.stretch, table.shade),
        cameras,
        -(-table.pictures // table.views),
        config.resolution,
        (config.seed, PICTURES),
        tell,
    )
    return of_renderings(made, table.given)


def make_trials(config: Any) -> Trials:
    """Objects that training does not see, or the user's own pictures."""
    table, report = config.data, config.report
    if table.name == "folder":
        views = _own_views(config)
        return trials_of_views(Shown(views, views.objects >= 0), report.held_out)
    return trials_of_objects(
        objects_of(table),
        report.held_out,
        config.resolution,
        (config.seed, HELD_OUT),
        azimuths=report.azimuths,
        framing=framing_of(table),
        given=table.given,
        variety=Variety(table.stretch, table.shade),
    )


def objects_of(table: Any) -> tuple[Object, ...]:
    """Those of its nouns, noun by noun."""
    return tuple(obj for noun in table.nouns for obj in find(f"a {noun}"))


def framing_of(table: Any) -> Framing:
    """Where cameras stand."""
    return Framing(table.elevation, table.distance, table.fovy)


def _own_views(config: Any) -> Views:
    table = config.data
    return views_in(table.path, config.resolution, distance=table.distance, fovy=table.fovy)
