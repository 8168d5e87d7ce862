"""The classifier learns what can be told, and its labels are in its order."""

import numpy as np
import pytest

from sdjax.prior_training.captions import Words
from sdjax.prior_training.classifier import QUESTIONS, labels, train_classifier


def test_labels_are_indices_of_the_questions():
    right = labels([Words("car", "teal", direction="back"), Words("mug", "red", direction="side")])
    named = {name: [QUESTIONS[name][i] for i in right[name]] for name in right}
    assert named == {"object": ["car", "mug"], "colour": ["teal", "red"], "view": ["back", "side"]}


@pytest.mark.long
def test_it_learns_colours_and_sides_of_squares():
    generator = np.random.default_rng(0)
    number = 512
    right = {
        "object": generator.integers(2, size=number),
        "colour": generator.integers(2, size=number),
        "view": generator.integers(2, size=number),
    }
    pictures = np.full((number, 32, 32, 3), 255, np.uint8)
    for picture, size, colour, view in zip(pictures, *right.values(), strict=True):
        half, middle = (6, 3)[size], (10, 22)[view]
        square = slice(16 - half, 16 + half), slice(middle - half, middle + half)
        picture[square] = ((220, 30, 30), (30, 30, 220))[colour]
    judge = train_classifier(pictures[:448], {k: v[:448] for k, v in right.items()}, 100, 32, 0)
    answers = judge.answers(pictures[448:])
    for name in QUESTIONS:
        assert np.mean(answers[name] == right[name][448:]) > 0.9, name
    floats = judge.answers(pictures[448:] / np.float32(255))
    np.testing.assert_array_equal(floats["view"], answers["view"])
