"""View-dependent prompts: what a prompt says to a camera at the side, front, back or overhead."""

from dataclasses import dataclass, field
from typing import NamedTuple

from sdjax.cameras import DIRECTIONS
from sdjax.text.perp_neg import NegativeWeights

_PREFIXES = {"back": "backside view"}  # threestudio's word, only in this style


class ViewPrompts(NamedTuple):
    """A prompt per direction, in the order of `DIRECTIONS`."""

    side: str | None = None
    front: str | None = None
    back: str | None = None
    overhead: str | None = None


class Thresholds(NamedTuple):
    """Where the directions begin, in degrees: see `view_direction`."""

    front: float = 45.0
    back: float = 45.0
    overhead: float = 60.0


@dataclass(frozen=True)
class Prompting:
    """How a prompt becomes conditioning; static and hashable.

    style: "suffix" ("X, side view") or "prefix" ("side view of X").  given: prompts that stand as
    they are, in place of the derived ones.  perp_neg: the weights of the negatives
    (`DecayingWeights()`), or None for plain view-dependent prompts.

    Raises `ValueError` for an unknown style, and for Perp-Neg without view-dependent prompts.
    """

    negative_prompt: str = ""
    view_dependent: bool = True
    style: str = "suffix"
    given: ViewPrompts = field(default=ViewPrompts())
    thresholds: Thresholds = field(default=Thresholds())
    perp_neg: NegativeWeights | None = None

    def __post_init__(self):
        if self.style not in ("suffix", "prefix"):
            raise ValueError(
                f"style is {self.style!r}, expected 'suffix' (\"X, side view\") or 'prefix' "
                '("side view of X").'
            )
        if self.perp_neg is not None and not self.view_dependent:
            raise ValueError(
                "perp_neg is on with view_dependent off, expected both: Perp-Neg mixes the "
                "view-dependent prompts."
            )


def direction_prompts(prompt: str, prompting: Prompting) -> ViewPrompts:
    """The prompt of each direction; four times `prompt` itself if not view dependent.

    Raises `ValueError` for a blank prompt that is to be put into words about its views.
    """
    if not prompting.view_dependent:
        return ViewPrompts(*[prompt] * len(DIRECTIONS))
    if not prompt.strip() and None in prompting.given:
        raise ValueError("the prompt is blank, expected words such as 'a photo of a hamburger'.")
    derived = [_derived(prompt, direction, prompting.style) for direction in DIRECTIONS]
    pairs = zip(prompting.given, derived, strict=True)
    return ViewPrompts(*[own if given is None else given for given, own in pairs])


def _derived(prompt: str, direction: str, style: str) -> str:
    if style == "suffix":
        return f"{prompt}, {direction} view"
    return f"{_PREFIXES.get(direction, f'{direction} view')} of {prompt}"
