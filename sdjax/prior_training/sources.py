"""Where training pictures and captions come from: all at hand, or made as they are asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sdjax.config.fields import one_of, several
from sdjax.objects.model import Object
from sdjax.objects.prompts import CATEGORIES
from sdjax.prior_training.captions import Odds, Words, draw_caption
from sdjax.prior_training.scenes import (
    FRAMING,
    VARIETY,
    Framing,
    Scenes,
    Variety,
    draw_scenes,
    take_pictures,
)

Encode = Callable[[np.ndarray], np.ndarray]  # pictures to latents
_AT_ONCE = 256  # pictures rendered or encoded in one call
OBJECTS = {
    "nouns": several(one_of(*CATEGORIES)).of(tuple(CATEGORIES), "the objects that are shown"),
    **FRAMING,
    **VARIETY,
}


class Batch(NamedTuple):
    """`values` [size, ...], uint8 pictures or float32 latents, and a caption for each."""

    values: np.ndarray
    captions: list[str]


@dataclass(frozen=True)
class Bank:
    """Pictures (or their latents) at hand; `caption` makes one for the picture of an index."""

    values: np.ndarray
    caption: Callable[[np.random.Generator, int], str]

    def batch(self, generator: np.random.Generator, size: int) -> Batch:
        """`size` of them, drawn with replacement."""
        indices = generator.integers(len(self.values), size=size)
        return Batch(self.values[indices], [self.caption(generator, i) for i in indices.tolist()])

    def encoded(self, encode: Encode) -> "Bank":
        """The same with latents in place of the pictures, all computed now."""
        return replace(self, values=in_parts(encode, self.values))


@dataclass(frozen=True)
class Fresh:
    """Pictures that are made for each batch and never again."""

    draw: Callable[[np.random.Generator, int], Batch]

    def batch(self, generator: np.random.Generator, size: int) -> Batch:
        """`size` new ones."""
        return self.draw(generator, size)

    def encoded(self, encode: Encode) -> "Fresh":
        """The same with each batch encoded."""

        def draw(generator: np.random.Generator, size: int) -> Batch:
            made = self.draw(generator, size)
            return made._replace(values=encode(made.values))

        return Fresh(draw)


Source = Bank | Fresh


class Renderings(NamedTuple):
    """What renderings show and how they are described; see `scenes` and `captions`."""

    objects: Sequence[Object]
    resolution: int
    framing: Framing = Framing()
    variety: Variety = Variety()
    odds: Odds = Odds()

    def scenes(self, generator: np.random.Generator, number: int) -> Scenes:
        """Drawn, not yet rendered."""
        return draw_scenes(generator, number, self.objects, self.framing, self.variety)

    def captions(self, generator: np.random.Generator, words: Sequence[Words]) -> list[str]:
        """One for each."""
        return [draw_caption(generator, one, self.odds) for one in words]


def pictures_with_words(
    renderings: Renderings, number: int, seed: Sequence[int], tell: Callable[[int], None] | None
) -> tuple[np.ndarray, list[Words]]:
    """`number` renderings, uint8, and what there is to say of each; `tell(done)` now and then."""
    pictures, words = [], []
    for part, start in enumerate(range(0, number, _AT_ONCE)):
        generator = np.random.default_rng([*seed, part])
        scenes = renderings.scenes(generator, _AT_ONCE)  # one shape, one compilation
        pictures.append(take_pictures(scenes, renderings.resolution))
        words.extend(scenes.words)
        if tell is not None:
            tell(min(start + _AT_ONCE, number))
    return np.concatenate(pictures)[:number], words[:number]


def rendered(
    renderings: Renderings,
    number: int,
    seed: Sequence[int],
    tell: Callable[[int], None] | None = None,
) -> Bank:
    """`number` renderings made now; their captions are drawn anew whenever they are used."""
    pictures, words = pictures_with_words(renderings, number, seed, tell)

    def caption(generator: np.random.Generator, index: int) -> str:
        return draw_caption(generator, words[index], renderings.odds)

    return Bank(pictures, caption)


def fresh(renderings: Renderings) -> Fresh:
    """Renderings made for each batch: for devices that render faster than they train."""

    def draw(generator: np.random.Generator, size: int) -> Batch:
        scenes = renderings.scenes(generator, size)
        pictures = take_pictures(scenes, renderings.resolution)
        return Batch(pictures, renderings.captions(generator, scenes.words))

    return Fresh(draw)


def in_parts(encode: Encode, pictures: np.ndarray) -> np.ndarray:
    """encode(pictures), in calls of one size."""
    starts = range(0, len(pictures), _AT_ONCE)
    return np.concatenate([_padded(encode, pictures[i : i + _AT_ONCE]) for i in starts])


def _padded(encode: Encode, pictures: np.ndarray) -> np.ndarray:
    """The last call is as large as the others, so that nothing is compiled for it."""
    missing = _AT_ONCE - len(pictures)
    filled = np.concatenate([pictures, np.repeat(pictures[-1:], missing, axis=0)])
    return np.asarray(encode(filled))[: len(pictures)]
