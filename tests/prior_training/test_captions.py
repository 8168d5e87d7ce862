"""The grammar of captions: what is said, how often, and that the vocabulary covers it."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjax.cameras import DIRECTIONS, OCTANTS
from sdjax.prior_training.captions import PREFIXES, Odds, Words, caption, draw_caption, vocabulary

NOUNS = {"mug": ("striped", "tall"), "house": ("wide",), "tree": ("apple", "pine")}
COLOURS = ("red", "orange", "white")
HOUSE = Words("house", "red", ("tall",), "green", "front")
NEVER = Odds(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
ALWAYS = Odds(1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0)
ONLY = [
    ("colour", "a red house"),
    ("shape", "a tall house"),
    ("roof", "a house with a green roof"),
    ("view", "a house, front view"),
]


@st.composite
def any_words(draw):
    noun = draw(st.sampled_from(sorted(NOUNS)))
    shape = draw(st.lists(st.sampled_from(NOUNS[noun]), unique=True))
    said_roof = draw(st.none() | st.sampled_from(COLOURS))
    direction = draw(st.none() | st.sampled_from(DIRECTIONS))
    octant = draw(st.none() | st.sampled_from(OCTANTS))
    return Words(noun, draw(st.sampled_from(COLOURS)), tuple(shape), said_roof, direction, octant)


def drawn(words, odds, number=400):
    generator = np.random.default_rng(0)
    return [draw_caption(generator, words, odds) for _ in range(number)]


@pytest.mark.parametrize(
    ("words", "prefix", "said"),
    [
        (Words("mug", "red"), "", "a red mug"),
        (Words("apple", ""), "", "an apple"),
        (Words("mug", "orange"), "a photo of ", "a photo of an orange mug"),
        (HOUSE, "", "a red tall house with a green roof, front view"),
        (
            Words("house", "", (), "orange", "overhead"),
            "",
            "a house with an orange roof, overhead view",
        ),
        (Words("tree", "", ("apple",)), "", "an apple tree"),
        (
            Words("mug", "red", direction="side", octant="back left"),
            "",
            "a red mug, back left view",
        ),
        (Words("mug", "red", direction="overhead", octant="left"), "", "a red mug, overhead view"),
    ],
)
def test_sentences(words, prefix, said):
    assert caption(words, prefix) == said


@pytest.mark.slow
@settings(max_examples=100, deadline=None, derandomize=True)
@given(words=any_words(), seed=st.integers(0, 2**31))
def test_every_word_is_in_the_vocabulary(words, seed):
    generator = np.random.default_rng(seed)
    captions = [
        draw_caption(generator, words, Odds(0.7, 0.7, 0.7, 0.7, 0.5, 0.1, 0.5)) for _ in "four"
    ]
    captions += [caption(words, prefix) for prefix in PREFIXES]
    known = vocabulary(NOUNS, COLOURS)
    assert {w for text in captions for w in re.findall(r"\w+", text.lower())} <= set(known)


def said_in_full(words, text):
    """With the octant only where `text` has it."""
    with_octant = caption(words)
    octant = with_octant.rpartition(", ")[2]
    return with_octant if text.endswith(octant) else caption(words._replace(octant=None))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(words=any_words(), seed=st.integers(0, 2**31))
def test_what_is_said_is_part_of_the_whole_in_its_order(words, seed):
    """Each article fits the word after it, and no caption invents anything."""
    text = draw_caption(np.random.default_rng(seed), words, Odds(0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.5))
    for article, following in re.findall(r"\b(an?) (\w)", text):
        assert (article == "an") == (following in "aeiou")
    plain = iter(
        re.findall(r"\w+", "a photo of a DSLR rendering of a " + said_in_full(words, text))
    )
    content = [w for w in re.findall(r"\w+", text) if w not in ("a", "an")]
    said = [w for w in content if w not in ("photo", "DSLR", "rendering", "of")]
    assert all(any(word == other for other in plain) for word in said)
    assert words.noun in content


def test_the_vocabulary_has_each_word_once():
    words = vocabulary(NOUNS | {"red": ("red",)}, COLOURS)
    assert len(words) == len(set(words))
    assert set(DIRECTIONS) | {"left", "right"} <= set(words) and {
        "striped",
        "pine",
        "orange",
        "house",
    } <= set(words)
    assert all(re.fullmatch("[a-z]+", word) for word in words)


def test_odds_of_one_say_everything():
    expected = {f"{prefix}{caption(HOUSE)}" for prefix in PREFIXES[1:]}
    assert set(drawn(HOUSE, ALWAYS)) == expected


def test_odds_of_zero_say_the_noun():
    assert set(drawn(HOUSE, NEVER)) == {"a house"}
    assert set(drawn(HOUSE, NEVER._replace(empty=1.0))) == {""}


@pytest.mark.parametrize(("part", "said"), ONLY)
def test_each_of_the_odds_is_of_its_own_part(part, said):
    assert set(drawn(HOUSE, NEVER._replace(**{part: 1.0}))) == {said}


@pytest.mark.parametrize(("part", "said"), [*ONLY, ("empty", "")])
def test_frequencies_are_the_odds(part, said):
    texts = drawn(HOUSE, NEVER._replace(**{part: 0.3}), 2000)
    assert set(texts) == {"a house", said}
    assert texts.count(said) / 2000 == pytest.approx(0.3, abs=0.04)  # four standard deviations


def test_parts_are_left_out_independently():
    """Among captions with a colour, as many have a view as among those without."""
    texts = drawn(HOUSE, NEVER._replace(colour=0.5, view=0.5), 2000)
    both = sum("red" in text and "view" in text for text in texts) / 2000
    assert both == pytest.approx(0.25, abs=0.04)


def test_octants_are_said_as_often_as_asked_and_never_without_the_view():
    seen = HOUSE._replace(octant="front left")
    texts = drawn(seen, NEVER._replace(view=0.6, octant=0.5), 2000)
    for view, odds in ((", front view", 0.3), (", front left view", 0.3), ("", 0.4)):
        assert texts.count(f"a house{view}") / 2000 == pytest.approx(odds, abs=0.045)
    assert set(drawn(seen, NEVER._replace(octant=1.0))) == {"a house"}


def test_prefixes_are_equally_frequent():
    texts = drawn(Words("mug", "red"), ALWAYS, 1500)
    for prefix in PREFIXES[1:]:
        assert texts.count(f"{prefix}a red mug") / 1500 == pytest.approx(1 / 3, abs=0.05)


def test_what_there_is_not_cannot_be_said():
    assert set(drawn(Words("mug", "red"), ALWAYS._replace(prefix=0.0))) == {"a red mug"}
