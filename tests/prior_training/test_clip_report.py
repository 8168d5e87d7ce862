"""How often the right caption is the nearest, by a CLIP that knows it."""

import numpy as np
import pytest

from sdjax.prior_training import clip_report
from sdjax.prior_training.captions import Words
from sdjax.prior_training.classifier import QUESTIONS
from sdjax.prior_training.clip_report import accuracy, retrieval
from sdjax.prior_training.held_out import HeldOut
from sdjax.prior_training.sources import Bank
from tests.prior_training import small_clip

VOCABULARY = sorted({w for names in QUESTIONS.values() for name in names for w in name.split()})
WORDS = [
    Words("mug", "red", direction="front", octant="front"),
    Words("car", "blue", direction="side", octant="left"),
    Words("tree", "teal", direction="overhead", octant="back"),
    Words("house", "pink", direction="back", octant="back left"),
]
SAID = [
    "a red mug front",
    "a blue car left",
    "a teal tree back",
    "a pink house left",
]  # one is wrong


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """One that is not asked."""
    return small_clip.clip(tmp_path_factory.mktemp("words"))


def vectors(clip, texts):
    """Which words a text has, of length 1."""
    counts = np.array([[w in t.replace(",", "").split() for w in VOCABULARY] for t in texts], float)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def knowing(monkeypatch):
    """Pictures are the numbers of what is said of them."""
    seen = lambda clip, given: vectors(clip, [SAID[i] for i in given[:, 0, 0, 0]])  # noqa: E731
    monkeypatch.setattr(clip_report, "text_features", vectors)
    monkeypatch.setattr(clip_report, "picture_features", seen)
    similar = lambda clip, given, texts: seen(clip, given) @ vectors(clip, texts).T  # noqa: E731
    monkeypatch.setattr(clip_report, "text_image_similarity", similar)


def numbered(number):
    return np.arange(number, dtype=np.uint8).reshape(-1, 1, 1, 1) + np.zeros((1, 1, 1, 3), np.uint8)


def test_every_question_is_asked_in_captions(clip):
    counts = {"view": np.ones(4, bool), "direction": np.ones(4, bool)}
    told = accuracy(clip, HeldOut(numbered(4), WORDS, counts), 0)
    assert told["caption"]["all"] == told["object"]["all"] == told["colour"]["all"] == 1.0
    # of three: from overhead there is none, and "left" is not "back left"
    assert told["direction"] == {"all": 0.6667, "car": 1.0, "house": 0.0, "mug": 1.0, "tree": None}


def test_a_wrong_picture_is_wrong(clip):
    words = [WORDS[1], WORDS[1], *WORDS[2:]]
    counts = {"direction": np.ones(4, bool)}
    told = accuracy(clip, HeldOut(numbered(4), words, counts), 0)
    assert told["caption"]["all"] == told["object"]["all"] == 0.75


def test_retrieval_is_of_different_captions(clip):
    captions = ["a red mug front", "a blue car left", "a red mug front", "a teal house"]
    bank = Bank(numbered(4), lambda generator, index: captions[index])
    assert retrieval(clip, bank) == {
        "pictures": 3,
        "caption_of_picture": 1.0,
        "picture_of_caption": 1.0,
    }


def test_the_own_caption_is_among_those_that_are_drawn():
    among = clip_report._with_own(np.array([3, 79, 0]), 80, 0)
    assert among.sum(1).tolist() == [64, 64, 64] and among[[0, 1, 2], [3, 79, 0]].all()
    assert not np.array_equal(among[0], among[1])
