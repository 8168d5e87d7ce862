"""Captions of renderings: a small grammar of what prompts say."""

from typing import NamedTuple

import numpy as np

from sdjax.cameras import DIRECTIONS, OCTANTS
from sdjax.config.fields import fields_of, fraction

OVERHEAD = DIRECTIONS[3]
PREFIXES = ("", "a photo of ", "a DSLR photo of ", "a rendering of ")


class Odds(NamedTuple):
    """How often a caption says what; each a probability."""

    colour: float = 0.9
    shape: float = 0.3  # "striped", "tall"
    roof: float = 0.5  # of those that have one of another colour
    view: float = 0.9
    prefix: float = 0.15
    empty: float = 0.1  # nothing at all, for classifier-free guidance
    octant: float = 0.0  # of those that name the view: by one of the eight words for it


ODDS = fields_of(
    Odds,
    colour=fraction().says("how often a caption names the colour"),
    shape=fraction().says('how often it says "striped", "tall" and the like'),
    roof=fraction().says("how often it names the roof, if that has another colour"),
    view=fraction().says("how often it names the direction of the view"),
    prefix=fraction().says('how often it begins with "a photo of" or the like'),
    empty=fraction().says("how often a caption is empty, for classifier-free guidance"),
    octant=fraction().says(
        'how often one that names the view does so by one of eight words, "front left view"'
    ),
)


class Words(NamedTuple):
    """What there is to say about a picture."""

    noun: str
    colour: str
    shape: tuple[str, ...] = ()
    roof: str | None = None
    direction: str | None = None  # of `sdjax.cameras.DIRECTIONS`
    octant: str | None = None  # of `sdjax.cameras.OCTANTS`, from above too, where none is said


def caption(words: Words, prefix: str = "") -> str:
    """All the words as one phrase: "a photo of a red tall house with a green roof, front view".

    A view that has an octant is named by it, "front left view", unless it is "overhead".
    """
    adjectives = [word for word in (words.colour, *words.shape) if word]
    phrase = " ".join([*adjectives, words.noun])
    roof = f" with {_article(words.roof)} roof" if words.roof else ""
    seen = words.direction if words.direction == OVERHEAD else words.octant or words.direction
    view = f", {seen} view" if seen else ""
    return f"{prefix}{_article(phrase)}{roof}{view}"


def draw_caption(generator: np.random.Generator, words: Words, odds: Odds) -> str:
    """A caption that leaves out some of the words, or all of them."""
    says = generator.uniform(size=5) < (odds.colour, odds.shape, odds.roof, odds.view, odds.prefix)
    prefix = PREFIXES[generator.integers(1, len(PREFIXES))]
    empty = generator.uniform() < odds.empty
    finer = generator.uniform() < odds.octant
    said = Words(
        words.noun,
        words.colour if says[0] else "",
        words.shape if says[1] else (),
        words.roof if says[2] else None,
        words.direction if says[3] else None,
        words.octant if says[3] and finer else None,
    )
    return "" if empty else caption(said, prefix if says[4] else "")


def vocabulary(nouns: dict[str, tuple[str, ...]], colours: tuple[str, ...]) -> tuple[str, ...]:
    """Every word of the grammar, once; `nouns` with the shape words that each may have."""
    fixed = [
        "a",
        "an",
        "photo",
        "of",
        "dslr",
        "rendering",
        "with",
        "roof",
        "view",
    ]
    views = " ".join((*DIRECTIONS, *OCTANTS)).split()
    shapes = [word for words in nouns.values() for word in words]
    return tuple(dict.fromkeys([*fixed, *views, *nouns, *colours, *shapes]))


def _article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
