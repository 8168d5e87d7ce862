"""The measures by which a prior is judged."""

import numpy as np
import pytest

from sdjax.prior_training.captions import Words
from sdjax.prior_training.judging import accuracies, asked_for, captions_of, spread, view_accuracy

WORDS = [
    Words("mug", "red", direction="front"),
    Words("mug", "blue", direction="back"),
    Words("tree", "green", direction="side"),
    Words("tree", "green", direction="overhead"),
]


def test_accuracies_are_parts_of_right_answers():
    # mug, tree: 0, 5; red, blue, green: 0, 5, 3; side, front, back, overhead: 0, 1, 2, 3
    given = {"object": [0, 0, 5, 1], "colour": [0, 5, 0, 0], "view": [1, 2, 0, 0]}
    answers = {name: np.array(indices) for name, indices in given.items()}
    measured = accuracies(answers, WORDS)
    assert (measured["object"], measured["colour"], measured["view"]) == (0.75, 0.5, 0.75)
    assert measured["view_by_noun"] == {"mug": 1.0, "tree": 0.5}


def test_a_question_is_judged_by_those_that_have_an_answer():
    words = [one._replace(octant="front") for one in WORDS]
    answers = {name: np.zeros(4, int) for name in ("object", "colour", "view", "direction")}
    assert accuracies(answers, words)["direction"] == 1.0  # of three; one is from overhead
    assert "direction" not in accuracies(answers, WORDS)


def test_views_count_only_where_they_can_be_told():
    drawn = {"view_by_noun": {"mug": 0.8, "car": 0.6, "tree": 0.1}}
    real = {"view_by_noun": {"mug": 1.0, "car": 0.96, "tree": 0.4}}
    measured = view_accuracy(drawn, real)
    assert measured["nouns"] == ["mug", "car"]
    assert measured["drawn"] == pytest.approx(0.7) and measured["real"] == pytest.approx(0.98)
    assert view_accuracy(drawn, {"view_by_noun": {"mug": 0.5}}) == {"nouns": []}
    assert view_accuracy(drawn, {"view_by_noun": {"house": 1.0}}) == {"nouns": []}  # not drawn


def test_spread_is_the_root_mean_square_over_pairs():
    pictures = np.random.default_rng(0).uniform(size=(5, 4, 4, 3)).astype(np.float32)
    pairs = [(i, j) for i in range(5) for j in range(i)]
    squares = [np.mean((pictures[i].astype(float) - pictures[j]) ** 2) for i, j in pairs]
    assert spread(pictures) == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-6)
    assert spread(np.repeat(pictures[:1], 3, axis=0)) == pytest.approx(0.0, abs=1e-7)


def test_what_is_asked_for_is_in_the_words_of_the_captions():
    asked = asked_for(np.random.default_rng(0), ("mug", "car"), 300)
    assert {one.noun for one in asked} == {"mug", "car"}
    assert len({one.colour for one in asked}) == 10 and len({one.direction for one in asked}) == 4
    assert captions_of(WORDS)[0] == "a red mug, front view"
