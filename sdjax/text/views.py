"""View-dependent prompts: what a prompt says to a camera at the side, front, back or overhead, or
in eight directions and overhead."""

from dataclasses import dataclass, field
from typing import NamedTuple

from sdjax.cameras import DIRECTIONS, OCTANTS
from sdjax.config.errors import UserError
from sdjax.config.fields import Field, flag, number, one_of, optional, several, text
from sdjax.config.kinds import Table
from sdjax.text.framed import Framed
from sdjax.text.perp_neg import Decay, DecayingWeights, NegativeWeights, stepped_weights

_NUMBERS = f"{len(DIRECTIONS)} or {len(OCTANTS)}"
_PREFIXES = {"back": "backside view"}  # threestudio's word, only in this style


class ViewPrompts(NamedTuple):
    """A prompt per direction, in the order of `DIRECTIONS`."""

    side: str | None = None
    front: str | None = None
    back: str | None = None
    overhead: str | None = None


class Sides(NamedTuple):
    """Prompts of the two sides apart; None: that of the side."""

    left: str | None = None  # the object's own, seen from azimuth 0 to 180
    right: str | None = None


class Thresholds(NamedTuple):
    """Where the four directions begin, in degrees: see `view_direction`.  Of eight, overhead."""

    front: float = 45.0
    back: float = 45.0
    overhead: float = 60.0


@dataclass(frozen=True)
class Prompting:
    """How a prompt becomes conditioning; static and hashable.

    style: "suffix" ("X, side view") or "prefix" ("side view of X").  given: prompts that stand as
    they are, in place of the derived ones.  sides: likewise, where left and right differ.
    directions: 4 (`DIRECTIONS`), or 8 (`OCTANTS`) and overhead, of which left and right take what
    is given for the side.  blend: a camera reads the mixture of the two octants next to it
    (`sdjax.text.octants.blending`).  perp_neg: the weights of the negatives (`DecayingWeights()`),
    or None for plain view-dependent prompts.

    Raises `ValueError` for an unknown style or number of directions, for a blend of four, and for
    Perp-Neg without view-dependent prompts or with eight directions.
    """

    negative_prompt: str = ""
    view_dependent: bool = True
    style: str = "suffix"
    given: ViewPrompts = field(default=ViewPrompts())
    sides: Sides = field(default=Sides())
    thresholds: Thresholds = field(default=Thresholds())
    perp_neg: NegativeWeights | None = None
    directions: int = 4
    blend: bool = False

    def __post_init__(self):
        _check_directions(self)
        if self.style not in ("suffix", "prefix"):
            raise UserError(
                f"style is {self.style!r}, expected 'suffix' (\"X, side view\") or 'prefix' "
                '("side view of X").'
            )
        if self.perp_neg is not None and not self.view_dependent:
            raise UserError(
                "perp_neg is on with view_dependent off, expected both: Perp-Neg mixes the "
                "view-dependent prompts."
            )

    @property
    def two_sides(self) -> bool:
        """Whether left and right have prompts of their own, so that there are five directions."""
        apart = any(side is not None for side in self.sides)
        return self.view_dependent and apart and not self.names_octants

    @property
    def names_octants(self) -> bool:
        """Whether there are eight directions and overhead."""
        return self.directions == len(OCTANTS)

    @property
    def blends(self) -> bool:
        """Whether prompts are mixed by the azimuth."""
        return self.view_dependent and self.blend


def _check_directions(prompting: Prompting) -> None:
    if prompting.directions not in (len(DIRECTIONS), len(OCTANTS)):
        raise UserError(f"directions is {prompting.directions}, expected {_NUMBERS}.")
    if prompting.perp_neg is not None and prompting.names_octants:
        raise UserError(
            "perp_neg is on with 8 directions, expected it off, or directions 4: its weights are "
            "those of front, side and back."
        )
    if prompting.blend and not prompting.names_octants:
        raise UserError(
            "blend is on with directions 4, expected 8: it mixes the prompts of two neighbours."
        )


def direction_prompts(prompt: str, prompting: Prompting) -> tuple[str, ...]:
    """The prompt of each direction, in the order of `view_direction`, or of `octant` and at last
    overhead; `prompt` itself for each if not view dependent.

    Raises `ValueError` for a blank prompt that is to be put into words about its views.
    """
    given = _given(prompting)
    if not prompting.view_dependent:
        return (prompt,) * len(given)
    if not prompt.strip() and any(own is None for _, own in given):
        raise UserError("the prompt is blank, expected words such as 'a photo of a hamburger'.")
    return tuple(
        _derived(prompt, direction, prompting.style) if own is None else own
        for direction, own in given
    )


def _given(prompting: Prompting) -> list[tuple[str, str | None]]:
    """The words for each direction, and the prompt that stands in its place."""
    given = prompting.given._asdict()
    left, right = (given["side"] if own is None else own for own in prompting.sides)
    if prompting.names_octants:
        apart = {**given, "left": left, "right": right}
        return [(words, apart.get(words)) for words in (*OCTANTS, DIRECTIONS[3])]
    side, *others = given.items()
    return [("side", left), *others, ("side", right)] if prompting.two_sides else [side, *others]


def _derived(prompt: str, direction: str, style: str) -> Framed:
    if style == "suffix":
        return Framed(prompt, after=f", {direction} view")
    return Framed(prompt, before=f"{_PREFIXES.get(direction, f'{direction} view')} of ")


COUNT = Field(_NUMBERS, lambda value: type(value) is int and value in (4, 8))
_ANGLE = number(at_least=0, at_most=180)
PROMPTS = {
    "negative": text().of("", "the negative prompt"),
    "view_dependent": flag().of(True, "prompts name the direction of a view"),
    "directions": COUNT.of(4, "four words, or eight ('front left') and overhead"),
    "blend": flag().of(False, "cameras between two of eight directions read a mixture of both"),
    "style": one_of("suffix", "prefix").of("suffix", "'X, side view' or 'side view of X'"),
    **{
        name: optional(text()).of(None, f"the prompt of this direction; None: the prompt, {name}")
        for name in ViewPrompts._fields
    },
    **{
        name: optional(text()).of(None, f"the prompt of the object's own {name}; None: the side's")
        for name in Sides._fields
    },
    "thresholds": several(_ANGLE, count=3).of(
        tuple(Thresholds()), "degrees where front and back (of four directions) and overhead begin"
    ),
    "perp_neg": one_of("off", "decaying", "stepped").of("off", "Perp-Neg, and its weights"),
    "perp_neg_decays": {
        name: several(number(), count=3).of(tuple(decay), "a, b, c of a exp(-b r) + c")
        for name, decay in DecayingWeights()._asdict().items()
    },
}


def prompting_of(table: Table) -> Prompting:
    """What a table of `PROMPTS` says; raises `ValueError` as `Prompting` does."""
    decays = {name: Decay(*values) for name, values in table["perp_neg_decays"].items()}
    weights = {"off": None, "decaying": DecayingWeights(**decays), "stepped": stepped_weights}
    return Prompting(
        negative_prompt=table["negative"],
        view_dependent=table["view_dependent"],
        style=table["style"],
        given=ViewPrompts(**{name: table[name] for name in ViewPrompts._fields}),
        sides=Sides(**{name: table[name] for name in Sides._fields}),
        thresholds=Thresholds(*table["thresholds"]),
        perp_neg=weights[table["perp_neg"]],
        directions=table["directions"],
        blend=table["blend"],
    )
