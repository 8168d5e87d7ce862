"""What a CLIP learns, and how it compares texts and pictures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.prior_training import clip_scores, clip_stage
from sdjax.prior_training.clip_scores import picture_features, text_features, text_image_similarity
from sdjax.prior_training.clip_stage import clip_loss
from tests.prior_training import small_clip

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return small_clip.clip(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def pictures():
    size = small_clip.SIZE
    return np.random.default_rng(0).integers(0, 256, (4, size, size, 3)).astype(np.uint8)


def losses(clip, pictures, captions, monkeypatch):
    monkeypatch.setattr(clip_stage, "disturbed", lambda key, given: given)
    given = jnp.asarray(pictures), jnp.asarray(clip.tokenize(captions))
    return clip_loss(clip.towers, clip.params, *given, jax.random.key(0))


@pytest.mark.slow
def test_the_loss_is_symmetric_cross_entropy(clip, pictures, monkeypatch):
    captions = ["a red mug", "a blue mug", "a car", "a red car"]
    loss, terms = losses(clip, pictures, captions, monkeypatch)
    logits = np.exp(2.5) * text_image_similarity(clip, pictures, captions)
    of_pictures, of_texts = (
        -np.diag(np.asarray(jax.nn.log_softmax(given, axis=1))).mean()
        for given in (logits, logits.T)
    )
    assert loss == pytest.approx(0.5 * (of_pictures + of_texts), rel=1e-4)
    assert terms["scale"] == pytest.approx(np.exp(2.5))
    assert terms["found"] == pytest.approx(np.mean(logits.argmax(1) == np.arange(4)))


@pytest.mark.slow
def test_captions_that_say_the_same_are_all_right(clip, pictures, monkeypatch):
    """So with one caption for all, nothing is to be learned."""
    loss, terms = losses(clip, pictures, ["a red mug"] * 4, monkeypatch)
    assert loss >= np.log(4) - 1e-5 and terms["found"] == 1.0
    logits = np.exp(2.5) * text_image_similarity(clip, pictures, ["a red mug"])
    of_texts = -np.asarray(jax.nn.log_softmax(logits[:, 0])).mean()
    assert loss == pytest.approx(0.5 * (np.log(4) + of_texts), rel=1e-4)


def test_the_scale_is_bounded(clip, pictures, monkeypatch):
    large = clip._replace(params={**clip.params, "logit_scale": jnp.float32(9.0)})
    _, terms = losses(large, pictures, ["a red mug", "a car", "a mug", "a view"], monkeypatch)
    assert terms["scale"] == pytest.approx(100.0)


def test_features_have_length_1_whatever_the_size_and_the_part(clip, pictures, monkeypatch):
    whole = picture_features(clip, pictures)
    monkeypatch.setattr(clip_scores, "_AT_ONCE", 3)
    np.testing.assert_allclose(picture_features(clip, pictures), whole, atol=1e-5)
    np.testing.assert_allclose(picture_features(clip, pictures / np.float32(255)), whole, atol=1e-5)
    larger = np.full((1, 32, 32, 3), 90, np.uint8)
    np.testing.assert_allclose(
        picture_features(clip, larger), picture_features(clip, larger[:, ::2, ::2]), atol=1e-4
    )
    for vectors in (whole, text_features(clip, ["a red mug", "a car"])):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)


def test_similarity_is_the_cosine(clip, pictures):
    made = text_image_similarity(clip, pictures, ["a red mug", "a car"])
    ids = jnp.asarray(clip.tokenize(["a red mug", "a car"]))
    texts = clip.towers.text.apply({"params": clip.params["text"]}, ids).projected
    cosines = picture_features(clip, pictures) @ np.asarray(texts).T
    np.testing.assert_allclose(made, cosines / np.linalg.norm(texts, axis=1), rtol=1e-4, atol=1e-5)
