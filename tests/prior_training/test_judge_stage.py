"""What a judge learns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.prior_training import judge_stage
from sdjax.prior_training.classifier import NO_ANSWER, QUESTIONS, Classifier
from sdjax.prior_training.judge_stage import initial_judge, judge_loss, train_classifier

pytestmark = pytest.mark.usefixtures("quick_compilation")
SMALL = Classifier((4, 6, 8), 10, 16)


@pytest.mark.slow
def test_the_loss_is_the_cross_entropy_of_the_questions_that_have_an_answer(monkeypatch):
    """At parameters of 0 every answer is as likely."""
    monkeypatch.setattr(judge_stage, "disturbed", lambda key, given: given)
    params = jax.tree.map(jnp.zeros_like, initial_judge(jax.random.key(0), SMALL).params)
    right = {name: jnp.array([1, 0, 2, 1]) for name in QUESTIONS}
    right["direction"] = jnp.array([NO_ANSWER, 3, NO_ANSWER, NO_ANSWER])
    pictures = jnp.full((4, 16, 16, 3), 200, jnp.uint8)
    loss, terms = judge_loss(SMALL, {"judge": params}, pictures, right, jax.random.key(1))
    expected = {name: np.log(len(names)) for name, names in QUESTIONS.items()}
    expected["direction"] *= 0.25
    for name, value in expected.items():
        np.testing.assert_allclose(terms[name], value, rtol=1e-5)
    np.testing.assert_allclose(loss, sum(expected.values()), rtol=1e-5)


@pytest.mark.long
def test_it_learns_colours_and_sides_of_squares():
    generator = np.random.default_rng(0)
    number = 512
    right = {name: generator.integers(2, size=number) for name in QUESTIONS}
    right["direction"] = right["view"]
    pictures = np.full((number, 32, 32, 3), 255, np.uint8)
    shown = (right[name] for name in ("object", "colour", "view"))
    for picture, size, colour, view in zip(pictures, *shown, strict=True):
        half, middle = (4, 8)[size], (10, 22)[view]
        square = slice(16 - half, 16 + half), slice(middle - half, middle + half)
        picture[square] = ((220, 30, 30), (30, 30, 220))[colour]
    judge = train_classifier(pictures[:448], {k: v[:448] for k, v in right.items()}, 150, 32, 0)
    answers = judge.answers(pictures[448:])
    for name in QUESTIONS:
        assert np.mean(answers[name] == right[name][448:]) > 0.9, name
