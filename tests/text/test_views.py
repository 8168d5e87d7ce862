"""View-dependent prompts against those of threestudio."""

import pytest

from sdjax.cameras import DIRECTIONS
from sdjax.text.views import Prompting, ViewPrompts, direction_prompts
from tests import reference

RECORDED = reference.load("prompts")["strings"]
PROMPT = "a delicious hamburger"


@pytest.mark.parametrize(
    ("name", "prompting"),
    [
        ("suffix", Prompting()),
        ("prefix", Prompting(style="prefix")),
        ("override_back", Prompting(given=ViewPrompts(back="the rear of a bun"))),
    ],
)
def test_recorded_prompts(name, prompting):
    assert list(direction_prompts(PROMPT, prompting)) == [str(text) for text in RECORDED[name]]


def test_the_prompts_are_in_the_order_of_the_directions():
    assert ViewPrompts._fields == DIRECTIONS


def test_without_view_dependence_every_direction_has_the_prompt_itself():
    assert set(direction_prompts(PROMPT, Prompting(view_dependent=False))) == {PROMPT}


def test_a_blank_prompt_is_refused_unless_every_view_has_words_of_its_own():
    with pytest.raises(ValueError, match="blank"):
        direction_prompts(" ", Prompting(given=ViewPrompts(back="a bun")))
    given = ViewPrompts("a", "b", "c", "d")
    assert direction_prompts("", Prompting(given=given)) == given


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"style": "sufix"}, "style is 'sufix', expected 'suffix'"),
        ({"view_dependent": False, "perp_neg": lambda turn: (turn, turn)}, "expected both"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Prompting(**settings)
