"""True renderings of a noun in a colour: the catalogue's objects in the variety of training."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from sdjax.cameras import Camera
from sdjax.config.fields import whole
from sdjax.evaluation.asked import Asked
from sdjax.objects.model import Object, stacked, to_model
from sdjax.objects.prompts import CATEGORIES, find
from sdjax.objects.render import render_models
from sdjax.objects.solids import Model
from sdjax.objects.variants import COLOURS, variant
from sdjax.prior_training.scenes import VARIETY, Variety

FIELDS = {
    "draws": whole(at_least=1).of(
        8, "variants of each object of the catalogue; the first as it is, in the colour asked for"
    ),
    **VARIETY,
}
_AT_ONCE = 16  # models rendered in one call


class Variants(NamedTuple):
    """Objects that a prompt may mean."""

    models: list[Model]
    objects: list[str]  # what each is a variant of, by its name in the catalogue

    def seen(
        self, cameras: Camera, resolution: int
    ) -> UInt8[np.ndarray, "variants views resolution resolution 3"]:
        """By each of `cameras` [views], on white."""
        starts = range(0, len(self.models), _AT_ONCE)
        parts = [_seen(self.models[i : i + _AT_ONCE], cameras, resolution) for i in starts]
        return np.concatenate(parts)


def bank_of(asked: Asked, table: Any, seed: int) -> Variants:
    """`table.draws` variants of each object of the noun, in the colour; roofs have any colour."""
    generator, variety = np.random.default_rng([seed, *_numbers(asked)]), _variety(table)
    models, objects = [], []
    for obj in find(asked.noun):
        again = [_varied(generator, obj, asked.colour, variety) for _ in range(table.draws - 1)]
        models += [_plain(obj, asked.colour), *again]
        objects += [obj.name] * table.draws
    return Variants(models, objects)


def drawn(asked: Asked, number: int, table: Any, seed: int) -> Variants:
    """`number` others, each of any object of the noun: what a perfect prior would make of seeds."""
    generator, objects = np.random.default_rng([seed, *_numbers(asked), 1]), find(asked.noun)
    chosen = [objects[generator.integers(len(objects))] for _ in range(number)]
    models = [_varied(generator, obj, asked.colour, _variety(table)) for obj in chosen]
    return Variants(models, [obj.name for obj in chosen])


def _numbers(asked: Asked) -> tuple[int, int]:
    """For a generator's seed."""
    return list(CATEGORIES).index(asked.noun), list(COLOURS).index(asked.colour)


def _variety(table: Any) -> Variety:
    return Variety(**{name: table[name] for name in VARIETY})


def _plain(obj: Object, colour: str) -> Model:
    """The catalogue's own where it has that colour."""
    return to_model(obj) if obj.words[0] == colour else variant(obj, colour)


def _varied(generator: np.random.Generator, obj: Object, colour: str, variety: Variety) -> Model:
    """As pictures of training show it."""
    roof = str(generator.choice(list(COLOURS)))
    factors = generator.uniform(1.0 - variety.stretch, 1.0, 3)
    return variant(obj, colour, roof, factors, generator.normal(0.0, variety.shade, 3))


def _seen(models: Sequence[Model], cameras: Camera, resolution: int) -> np.ndarray:
    """The last call is as large as the others, so that nothing is compiled for it."""
    filled = [*models, *[models[-1]] * (_AT_ONCE - len(models))]
    images = np.asarray(render_models(stacked(filled), cameras, resolution))[: len(models)]
    return np.round(255.0 * np.clip(images, 0.0, 1.0)).astype(np.uint8)
