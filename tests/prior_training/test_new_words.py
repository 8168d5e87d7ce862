"""A checkpoint that learns words: old prompts keep their embeddings, new ones have tokens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import OCTANTS
from sdjax.prior_training import build, sources
from sdjax.prior_training.model import read_model, write_model
from sdjax.prior_training.new_words import lacking, with_words
from sdjax.priors import stable_diffusion
from sdjax.priors.stable_diffusion import Precision
from sdjax.text.tokenizer import load_tokenizer
from sdjax.train_prior import load_config, train_prior
from tests.prior_training import small
from tests.small_runs import contents

pytestmark = pytest.mark.usefixtures("quick_compilation")
NEW = ["left", "right"]
OLD_PROMPTS = ["a red mug", "", "red red mug, overhead view", "Mug, a bug", "lefty"]
NEW_PROMPT = "a red mug, front left view"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("extended") / "tokenizer"


@pytest.fixture(scope="module")
def extended(model, folder):
    return with_words(model, [*small.WORDS, *NEW], folder)


def embedded(model, prompts):
    ids = jnp.asarray(model.tokenize(prompts))
    return model.networks.text.apply({"params": model.params["text_encoder"]}, ids)


def rows(model):
    return model.params["text_encoder"]["text_model"]["embeddings"]["token_embedding"]["embedding"]


def test_the_words_that_are_no_token(model, extended):
    assert lacking(model.tokenize, [*small.WORDS, *NEW]) == NEW
    assert lacking(extended.tokenize, [*small.WORDS, *NEW]) == []


@pytest.mark.slow
def test_prompts_without_new_words_are_embedded_as_before(model, extended):
    np.testing.assert_array_equal(extended.tokenize(OLD_PROMPTS), model.tokenize(OLD_PROMPTS))
    before, after = (embedded(one, OLD_PROMPTS) for one in (model, extended))
    for one, other in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        np.testing.assert_array_equal(one, other)


def test_all_else_is_what_it_was(model, extended):
    for name in ("vae", "unet"):
        assert extended.params[name] is model.params[name]
    told = {**model.tables.text, "vocab_size": len(rows(extended))}
    assert extended.tables == model.tables._replace(text=told)


def test_every_word_of_a_view_is_one_token(extended):
    texts = [f"a red mug, {name} view" for name in OCTANTS]
    counts = [extended.tokenize.count(text) for text in texts]
    assert counts == [len(text.replace(",", " ,").split()) for text in texts]
    assert extended.tokenize.ids([NEW_PROMPT]).max() < len(rows(extended))


def test_new_rows_are_the_mean_of_the_known_words(model, extended):
    old, new = np.asarray(rows(model)), np.asarray(rows(extended))
    np.testing.assert_array_equal(new[: len(old)], old)
    mean = old[model.tokenize(small.WORDS)[:, 1]].mean(0)
    assert len(new) - len(old) >= len(NEW)
    np.testing.assert_allclose(new[len(old) :], np.tile(mean, (len(new) - len(old), 1)), rtol=1e-5)


@pytest.mark.slow
def test_the_state_that_is_pooled_is_that_of_the_end(model, extended):
    """Though its id is no longer the largest: a table that names it by 2 is corrected."""
    mistaken = model._replace(tables=model.tables._replace(text={**model.tables.text}))
    mistaken.tables.text["eos_token_id"] = 2
    assert extended.tables.text["eos_token_id"] == model.tokenize.library.eos_token_id
    again = with_words(mistaken, [*small.WORDS, *NEW], extended.tokenize.library.name_or_path)
    states, pooled, _ = embedded(again, [NEW_PROMPT])
    end = 1 + extended.tokenize.count(NEW_PROMPT)
    np.testing.assert_array_equal(pooled[0], states[0, end])


@pytest.mark.slow
def test_what_is_written_is_read_by_training_and_by_the_prior(extended, folder, tmp_path):
    write_model(extended, tmp_path / "model", folder, "float32")
    again = read_model(tmp_path / "model")
    assert again.tables == extended.tables
    states = embedded(extended, [NEW_PROMPT]).last_hidden_state
    np.testing.assert_array_equal(embedded(again, [NEW_PROMPT]).last_hidden_state, states)
    precision = Precision("float32", "float32")
    prior = stable_diffusion.load(tmp_path / "model", precision=precision, cache_dir=tmp_path)
    np.testing.assert_allclose(prior.condition(NEW_PROMPT).plain, states[0], atol=1e-5)


@pytest.mark.slow
def test_a_configuration_with_objects_extends_its_checkpoint(model, tokenizer, tmp_path):
    write_model(model, tmp_path / "given", tokenizer, "float32")
    fields = {"model": {"name": "checkpoint", "weights": str(tmp_path / "given")}}
    config = load_config({**fields, "data": {"name": "objects", "nouns": ("mug",)}})
    own = tmp_path / "run" / "tokenizer"
    assert build.tokenizer_folder(config, tmp_path / "run") == own
    made = build.make_model(config, own)
    assert made.tokenize.count("a DSLR photo of a striped mug, back right view") == 11
    assert load_tokenizer(own).count("left") == 1
    plain = load_config(config, {"model.new_words": False})
    assert build.tokenizer_folder(plain, tmp_path / "run") == tmp_path / "given" / "tokenizer"
    assert build.make_model(plain, own).tables == model.tables


@pytest.mark.long
def test_training_leaves_a_model_that_knows_the_words(model, tokenizer, tmp_path, monkeypatch):
    """And a second start of the finished run reads it as it is."""
    monkeypatch.setattr(sources, "_AT_ONCE", 16)
    write_model(model, tmp_path / "given", tokenizer, "float32")
    config = {
        "resolution": small.SIZE,
        "data": {"name": "objects", "nouns": ("mug",), "pictures": 16, "says": {"octant": 1.0}},
        "model": {"name": "checkpoint", "weights": str(tmp_path / "given")},
        "autoencoder": {"steps": 0},
        "diffusion": {"steps": 4, "batch": 8, "warmup": 1, "weight_decay": 0.0},
        "save_dtype": "float32",
        "run": {"chunk": 2, "checkpoint_every": 2},
        "report": {"prompts": ("a red mug",), "seeds": 1, "steps": 2, "held_out": 8},
    }
    train_prior(config, tmp_path / "run")
    left = read_model(tmp_path / "run" / "model")
    assert lacking(left.tokenize, [*small.WORDS, *NEW, "striped"]) == []
    ids = left.tokenize(["left"])[0]
    learned = np.asarray(rows(left))[[ids[1], left.tokenize(["right"])[0, 1]]]
    assert np.abs(learned[0] - learned[1]).max() > 1e-5  # both began as the same mean
    before = contents(tmp_path / "run" / "model")
    train_prior(config, tmp_path / "run")
    assert contents(tmp_path / "run" / "model") == before
