"""Which objects of the catalogue a prompt names."""

import difflib
import re
from functools import cache

from sdjax.config.errors import UserError
from sdjax.objects.catalogue.cars import cars
from sdjax.objects.catalogue.chairs import chairs
from sdjax.objects.catalogue.facades import facades
from sdjax.objects.catalogue.houses import houses
from sdjax.objects.catalogue.mugs import mugs
from sdjax.objects.catalogue.rockets import rockets
from sdjax.objects.catalogue.sailboats import sailboats
from sdjax.objects.catalogue.teapots import teapots
from sdjax.objects.catalogue.trees import trees
from sdjax.objects.model import Object

ARTICLES = {"a", "an", "the"}
PREFIX = re.compile(r"^(an? |the )?((dslr|close-?up) )?(photo|picture|image|rendering) of ")
VIEW = re.compile(r",? *\b(front|side|back|overhead|top|left|right) view$")

CATEGORIES = {
    "mug": mugs,
    "house": houses,
    "chair": chairs,
    "car": cars,
    "teapot": teapots,
    "tree": trees,
    "sailboat": sailboats,
    "rocket": rockets,
}

# Of objects that one view cannot tell apart: a prompt names them, but they are not among
# `all_objects`, which the small prior is trained on and guidance starts from.
OPEN_CATEGORIES = {"facade": facades}
_KNOWN = {**CATEGORIES, **OPEN_CATEGORIES}


def all_objects() -> tuple[Object, ...]:
    """Every object of `CATEGORIES`, in a fixed order, category by category."""
    return tuple(obj for noun in CATEGORIES for obj in _category(noun))


def objects_beside(prompt: str) -> tuple[Object, ...]:
    """Every object, and those that `prompt` names where they are not among them."""
    return tuple(dict.fromkeys((*all_objects(), *find(prompt))))


def prompts() -> tuple[str, ...]:
    """The prompt of each category, such as "a mug"."""
    return tuple(f"a {noun}" for noun in CATEGORIES)


def words(noun: str) -> tuple[str, ...]:
    """The colour and variant words that a prompt with this noun understands, sorted."""
    return tuple(sorted({word for obj in _category(noun) for word in obj.words}))


def find(prompt: str) -> tuple[Object, ...]:
    """The objects that `prompt` names: of its noun, and with all of its other words.

    Case, articles, "a photo of" (also "DSLR photo", "picture") and a trailing ", front view"
    do not count.  Raises ValueError for a prompt without exactly one known noun, for a word
    that no object of the noun has, and for words that none has together.
    """
    said = _words_of(prompt)
    nouns = [word for word in said if word in _KNOWN]
    if len(nouns) != 1:
        raise UserError(_unknown_prompt(prompt, said))
    adjectives = [word for word in said if word != nouns[0]]
    for word in adjectives:
        if word not in words(nouns[0]):
            raise UserError(_unknown_word(word, nouns[0]))
    found = tuple(obj for obj in _category(nouns[0]) if set(adjectives) <= set(obj.words))
    if not found:
        raise UserError(
            f"no {nouns[0]} is {' and '.join(adjectives)} at once; "
            f"the {nouns[0]}s are: {_names(nouns[0])}"
        )
    return found


@cache
def _category(noun: str) -> tuple[Object, ...]:
    """Built when first asked for: a run usually needs one category."""
    return _KNOWN[noun]()


def _words_of(prompt: str) -> list[str]:
    plain = VIEW.sub("", prompt.strip().rstrip(".").lower())
    return [w for w in re.findall(r"[\w-]+", PREFIX.sub("", plain)) if w not in ARTICLES]


def _names(noun: str) -> str:
    return ", ".join(obj.name for obj in _category(noun))


def _unknown_prompt(prompt: str, said: list[str]) -> str:
    likeness = {
        noun: max([difflib.SequenceMatcher(None, noun, word).ratio() for word in said], default=0)
        for noun in _KNOWN
    }
    nearest = max(likeness, key=likeness.get)
    known = ", ".join(f'"{known}"' for known in map("a {}".format, _KNOWN))
    return (
        f'unknown prompt "{prompt}": expected exactly one of {known} (with colour or variant '
        f'words if wanted), nearest is "a {nearest}"'
    )


def _unknown_word(word: str, noun: str) -> str:
    known = words(noun)
    nearest = max(known, key=lambda other: difflib.SequenceMatcher(None, other, word).ratio())
    return f'no {noun} is "{word}": a {noun} can be {", ".join(known)}, nearest is "{nearest}"'
