"""What the classifier learns from, and what it is judged by."""

import numpy as np
import pytest

from sdjax.judge_prior import load_config
from sdjax.prior_training import judgement, sources
from sdjax.prior_training.classifier import Judge, labels
from sdjax.prior_training.judgement import make_judge, make_renderer

pytestmark = pytest.mark.usefixtures("quick_compilation")
CONFIG = load_config(
    "judge_prior",
    {
        "objects.nouns": ("mug",),
        "classifier": {"weights": None, "pictures": 6, "steps": 3, "batch": 2},
    },
)


@pytest.fixture(scope="module")
def render():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_AT_ONCE", 8)
        yield make_renderer(CONFIG, 8)


@pytest.mark.slow
def test_the_classifier_learns_from_renderings_and_their_words(render, monkeypatch):
    asked = []

    def train(*arguments):
        asked.append(arguments)
        return Judge({})

    monkeypatch.setattr(judgement, "train_classifier", train)
    make_judge(CONFIG, render)
    ((pictures, right, *plan),) = asked
    expected, words = render(6, judgement._TRAINING)
    np.testing.assert_array_equal(pictures, expected)
    for name, answers in labels(words).items():
        np.testing.assert_array_equal(right[name], answers)
    assert plan == [3, 2, 0]  # steps, batch, seed


def test_the_classifier_that_is_named_is_read(render, monkeypatch):
    monkeypatch.setattr(judgement, "read_judge", lambda source: Judge({"read": source}))
    config = load_config(CONFIG, {"classifier.weights": "somewhere"})
    assert make_judge(config, render) == Judge({"read": "somewhere"})
    assert load_config("judge_prior").classifier.weights == "sdjax-small-judge"


def test_renderings_for_one_purpose_are_not_those_for_another(render):
    one, words = render(4, judgement._TRAINING)
    other, _ = render(4, judgement._HELD_OUT)
    assert one.shape == (4, 8, 8, 3) and not np.array_equal(one, other)
    assert {word.noun for word in words} == {"mug"}
