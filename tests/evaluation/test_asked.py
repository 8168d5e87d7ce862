"""What a measure asks for."""

from types import SimpleNamespace

from sdjax.evaluation.asked import OWN_COLOURS, Asked, asked_by
from sdjax.objects.prompts import CATEGORIES, find
from sdjax.objects.variants import COLOURS


def test_two_colours_of_every_noun_and_every_colour_of_some():
    assert list(OWN_COLOURS) == list(CATEGORIES)
    assert {len(set(colours)) for colours in OWN_COLOURS.values()} == {2}
    assert {one for colours in OWN_COLOURS.values() for one in colours} == set(COLOURS)


def test_the_exact_prior_knows_every_prompt():
    asked = asked_by(SimpleNamespace(nouns=tuple(OWN_COLOURS), colours=OWN_COLOURS))
    assert len({one.name for one in asked}) == 16
    for one in asked:
        assert all(obj.noun == one.noun and obj.words[0] == one.colour for obj in find(one.prompt))


def test_prompts_are_phrases_and_each_is_asked_once():
    colours = {"teapot": ("orange", "red", "orange")}
    asked = asked_by(SimpleNamespace(nouns=("teapot", "teapot"), colours=colours))
    assert asked == [Asked("teapot", "orange"), Asked("teapot", "red")]
    assert (asked[0].prompt, asked[0].name) == ("an orange teapot", "orange_teapot")
