"""Prompts whose first or last words must not be cut: those that name the view."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence


class Framed(str):
    """The text `before + body + after`, of which only the body may be shortened."""

    before: str
    body: str
    after: str

    def __new__(cls, body: str, *, before: str = "", after: str = "") -> "Framed":
        """An ordinary text otherwise."""
        framed = super().__new__(cls, before + body + after)
        framed.before, framed.body, framed.after = before, body, after
        return framed


def fitted(framed: Framed, fits: Callable[[str], bool]) -> tuple[str, str]:
    """As many of the body's first words (characters of a single long one) as fit, in their frame,
    and the rest.

    `fits` tells of a text whether it is short enough; what is shorter than one that is, is too.
    """
    for pieces in (re.findall(r"\s*\S+", framed.body), list(framed.body)):
        kept = _most(pieces, lambda body: fits(_text(framed, body)))
        if kept:
            break
    body = "".join(pieces[:kept])
    return _text(framed, body), framed.body[len(body) :].strip()


def _most(pieces: Sequence[str], fits: Callable[[str], bool]) -> int:
    """How many of the first pieces fit together."""
    counts = range(1, len(pieces) + 1)
    return bisect_right(counts, False, key=lambda count: not fits("".join(pieces[:count])))


def _text(framed: Framed, body: str) -> str:
    return framed.before + body.rstrip(" ,;") + framed.after
