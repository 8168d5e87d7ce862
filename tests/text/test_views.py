"""View-dependent prompts against those of threestudio, and the table that asks for them."""

import pytest

from sdjax.cameras import DIRECTIONS, OCTANTS
from sdjax.config.errors import UserError
from sdjax.config.tables import complete
from sdjax.text.perp_neg import Decay, DecayingWeights, stepped_weights
from sdjax.text.views import (
    PROMPTS,
    Prompting,
    Sides,
    Thresholds,
    ViewPrompts,
    direction_prompts,
    prompting_of,
)
from tests import reference

RECORDED = {
    name: ViewPrompts(*map(str, texts))
    for name, texts in reference.load("prompts")["strings"].items()
}
PROMPT = RECORDED["suffix"].side.removesuffix(", side view")


@pytest.mark.parametrize(
    ("name", "prompting"),
    [
        ("suffix", Prompting()),
        ("prefix", Prompting(style="prefix")),
        ("override_back", Prompting(given=ViewPrompts(back=RECORDED["override_back"].back))),
    ],
)
def test_recorded_prompts(name, prompting):
    assert direction_prompts(PROMPT, prompting) == RECORDED[name]


def test_the_recorded_prompts_are_of_a_prompt():
    assert PROMPT and RECORDED["suffix"].side != PROMPT
    assert RECORDED["override_back"].back not in RECORDED["suffix"] + RECORDED["prefix"]


def test_the_prompts_are_in_the_order_of_the_directions():
    assert ViewPrompts._fields == DIRECTIONS


def test_without_view_dependence_every_direction_has_the_prompt_itself():
    assert set(direction_prompts(PROMPT, Prompting(view_dependent=False))) == {PROMPT}


def test_a_blank_prompt_is_refused_unless_every_view_has_words_of_its_own():
    with pytest.raises(ValueError, match="blank"):
        direction_prompts(" ", Prompting(given=ViewPrompts(back="a bun")))
    given = ViewPrompts("a", "b", "c", "d")
    assert direction_prompts("", Prompting(given=given)) == given
    sided = Prompting(given=given._replace(side=None), sides=Sides("e", "f"))
    assert direction_prompts("", sided) == ("e", "b", "c", "d", "f")


@pytest.mark.parametrize(
    ("side", "sides", "left", "right"),
    [
        (None, Sides("a door", "a window"), "a door", "a window"),
        (None, Sides(left="a door"), "a door", "a bun, side view"),
        ("a wall", Sides(right="12"), "a wall", "12"),
        (None, Sides("", None), "", "a bun, side view"),
    ],
)
def test_left_and_right_are_told_apart_beside_the_side(side, sides, left, right):
    found = direction_prompts("a bun", Prompting(given=ViewPrompts(side=side), sides=sides))
    others = ("a bun, front view", "a bun, back view", "a bun, overhead view")
    assert found == (left, *others, right)


def test_without_words_for_left_and_right_there_are_four_directions():
    assert not Prompting().two_sides and len(direction_prompts("a bun", Prompting())) == 4
    plain = Prompting(view_dependent=False, sides=Sides("a", "b"))
    assert not plain.two_sides and direction_prompts("a bun", plain) == ("a bun",) * 4


@pytest.mark.parametrize(
    ("style", "derived"),
    [("suffix", "a bun, front left view"), ("prefix", "front left view of a bun")],
)
def test_eight_directions_and_overhead(style, derived):
    found = direction_prompts("a bun", Prompting(directions=8, style=style))
    assert len(found) == 9 and found[1] == derived
    assert "back right" in found[5] and "overhead" in found[8]
    plain = Prompting(directions=8, view_dependent=False)
    assert direction_prompts("a bun", plain) == ("a bun",) * 9


def test_given_prompts_stand_in_the_place_of_their_octants():
    given = ViewPrompts(side="s", front="f", back="b", overhead="o")
    found = direction_prompts("a bun", Prompting(directions=8, given=given))
    assert found[::2] == ("f", "s", "b", "s", "o")
    assert found[1::2] == tuple(f"a bun, {name} view" for name in OCTANTS[1::2])
    sided = Prompting(directions=8, given=given, sides=Sides(left="l"))
    assert direction_prompts("a bun", sided)[::2] == ("f", "l", "b", "s", "o")
    assert not sided.two_sides
    with pytest.raises(ValueError, match="blank"):
        direction_prompts(" ", sided)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"style": "sufix"}, "style is 'sufix', expected 'suffix'"),
        ({"view_dependent": False, "perp_neg": lambda turn: (turn, turn)}, "expected both"),
        ({"directions": 6}, r"^directions is 6, expected 4 or 8\.$"),
        ({"directions": 8, "perp_neg": stepped_weights}, r"^perp_neg is on with 8 directions, exp"),
        ({"blend": True}, r"^blend is on with directions 4, expected 8: [^.]*\.$"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Prompting(**settings)


def of_table(**table) -> Prompting:
    return prompting_of(complete(table, PROMPTS, "prior.prompts."))


def test_a_table_that_says_nothing_is_the_default():
    assert of_table() == Prompting()


def test_every_field_of_the_table_is_heard():
    given = {"side": "a", "front": "b", "back": None, "overhead": "d"}
    sides = {"left": "e", "right": None}
    angles = (30.0, 40.0, 50.0)
    found = of_table(
        negative="blurry", style="prefix", thresholds=angles, perp_neg="stepped", **given, **sides
    )
    assert found == Prompting(
        negative_prompt="blurry",
        style="prefix",
        given=ViewPrompts(**given),
        sides=Sides(**sides),
        thresholds=Thresholds(*angles),
        perp_neg=stepped_weights,
    )
    assert of_table(view_dependent=False) == Prompting(view_dependent=False)


def test_eight_directions_of_a_table():
    assert of_table(directions=8, blend=True) == Prompting(directions=8, blend=True)
    for count in (6, 8.0, True):
        with pytest.raises(UserError, match=r"prompts\.directions is .*, expected 4 or 8\.$"):
            of_table(directions=count)


def test_the_decays_of_a_table_are_those_of_perp_neg():
    assert of_table(perp_neg="decaying").perp_neg == DecayingWeights()
    changed = of_table(perp_neg="decaying", perp_neg_decays={"f_fs": (2.0, 0.7, -0.9)}).perp_neg
    assert changed == DecayingWeights(f_fs=Decay(2.0, 0.7, -0.9))


def test_a_table_of_settings_that_cannot_be_meant_is_refused():
    with pytest.raises(ValueError, match="perp_neg is on with view_dependent off, expected both"):
        of_table(view_dependent=False, perp_neg="decaying")
