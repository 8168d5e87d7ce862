"""The judge learns what can be told, and its labels are in its order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.networks.parameters import parameter_shapes
from sdjax.prior_training import classifier
from sdjax.prior_training.captions import Words
from sdjax.prior_training.classifier import NO_ANSWER, QUESTIONS, Classifier, Judge, labels
from sdjax.prior_training.float_pictures import float_pictures
from tests.networks.components import random_params

SMALL = Classifier((4, 6, 8), 10, 16)


@pytest.fixture(scope="module")
def judge():
    return Judge(random_params(SMALL), SMALL)


def test_labels_are_indices_of_the_questions():
    words = [
        Words("car", "teal", direction="back", octant="back left"),
        Words("mug", "red", direction="side", octant="right"),
    ]
    right = labels(words)
    named = {name: [QUESTIONS[name][i] for i in right[name]] for name in right}
    assert named == {
        "object": ["car", "mug"],
        "colour": ["teal", "red"],
        "view": ["back", "side"],
        "direction": ["back left", "right"],
    }


def test_from_overhead_there_is_no_direction():
    words = [Words("car", "teal", direction="overhead", octant="front"), Words("car", "red")]
    right = labels([words[0], words[1]._replace(direction="side")])
    np.testing.assert_array_equal(right["direction"], [NO_ANSWER, NO_ANSWER])
    assert QUESTIONS["view"][right["view"][0]] == "overhead"


@pytest.mark.slow
def test_probabilities_are_of_the_names_and_answers_the_likeliest(judge, monkeypatch):
    pictures = np.random.default_rng(0).uniform(size=(5, 16, 16, 3)).astype(np.float32)
    whole = judge.probabilities(pictures)
    monkeypatch.setattr(classifier, "_AT_ONCE", 2)
    given, answers = judge.probabilities(pictures), judge.answers(pictures)
    for name, names in QUESTIONS.items():
        assert given[name].shape == (5, len(names))
        np.testing.assert_allclose(given[name].sum(1), 1.0, rtol=1e-5)
        np.testing.assert_allclose(given[name], whole[name], rtol=1e-4)
        np.testing.assert_array_equal(answers[name], whole[name].argmax(1))
    logits = SMALL.apply({"params": judge.params}, jnp.asarray(pictures))
    np.testing.assert_allclose(given["view"], jax.nn.softmax(logits["view"]), rtol=1e-4)


def test_pictures_of_other_sizes_and_of_bytes_are_the_same(judge):
    colours = np.random.default_rng(0).integers(0, 256, (3, 1, 1, 3)).astype(np.uint8)
    pictures = np.tile(colours, (1, 16, 16, 1))
    expected = judge.probabilities(pictures / np.float32(255))
    larger = np.tile(colours, (1, 40, 40, 1))
    for given in (pictures, larger):
        np.testing.assert_allclose(judge.probabilities(given)["view"], expected["view"], atol=1e-4)
    assert float_pictures(jnp.asarray(larger), 16).shape == (3, 16, 16, 3)


def test_the_shipped_size_is_within_its_bound():
    sizes = [leaf.size for leaf in jax.tree.leaves(parameter_shapes(Classifier()))]
    assert 2 * sum(sizes) < 1.6e6  # bytes in float16
