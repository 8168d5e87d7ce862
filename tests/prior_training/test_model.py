"""Checkpoints in training: written and read again, and what else reads them."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.prior_training import build
from sdjax.prior_training import model as models
from sdjax.prior_training.model import new_model, read_model, write_model
from sdjax.priors import stable_diffusion
from sdjax.priors.stable_diffusion import Precision
from tests.prior_training import small
from tests.small_runs import contents

pytestmark = pytest.mark.usefixtures("quick_compilation")
PROMPTS = ["a red mug", "a bug", ""]


@pytest.fixture(scope="module")
def folder(model, tokenizer, tmp_path_factory):
    written = tmp_path_factory.mktemp("models") / "model"
    write_model(model, written, tokenizer, "float32")
    return written


def assert_same(params, expected):
    assert jax.tree.structure(params) == jax.tree.structure(expected)
    for leaf, other in zip(jax.tree.leaves(params), jax.tree.leaves(expected), strict=True):
        assert leaf.dtype == np.float32
        np.testing.assert_array_equal(leaf, other)


@pytest.mark.slow
def test_what_is_written_is_read_bit_for_bit(model, folder):
    again = read_model(folder)
    assert_same(again.params, model.params)
    assert again.tables == model.tables and again.networks == model.networks
    np.testing.assert_array_equal(again.tokenize(["a red mug"]), model.tokenize(["a red mug"]))


@pytest.mark.slow
def test_half_precision_is_the_rounded_one(model, tokenizer, tmp_path):
    write_model(model, tmp_path, tokenizer, "float16")
    rounded = jax.tree.map(
        lambda leaf: np.asarray(leaf, np.float16).astype(np.float32), model.params
    )
    assert_same(read_model(tmp_path).params, rounded)


def test_the_layout_is_that_of_diffusers(folder):
    files = {str(path.relative_to(folder)) for path in contents(folder)}
    assert files == {
        "model_index.json",
        "scheduler/scheduler_config.json",
        *(f"text_encoder/{name}" for name in ("config.json", "model.safetensors")),
        *(
            f"{part}/{name}"
            for part in ("unet", "vae")
            for name in ("config.json", "diffusion_pytorch_model.safetensors")
        ),
        *(
            f"tokenizer/{name}"
            for name in (
                "merges.txt",
                "special_tokens_map.json",
                "tokenizer_config.json",
                "vocab.json",
            )
        ),
    }
    index = json.loads((folder / "model_index.json").read_text())
    assert index["_class_name"] == "StableDiffusionPipeline"


def test_writing_twice_leaves_the_same_files(model, tokenizer, folder):
    before = contents(folder)
    write_model(model, folder, tokenizer, "float32")
    write_model(model, folder, folder / "tokenizer", "float32")
    assert contents(folder) == before


@pytest.mark.slow
def test_it_is_a_prior(model, folder, tmp_path):
    """With the same text embeddings and network as in training."""
    precision = Precision(jnp.float32, jnp.float32)
    prior = stable_diffusion.load(folder, precision=precision, cache_dir=tmp_path)
    assert prior.image_size == small.SIZE and prior.latent_shape(small.SIZE) == (4, 4, 3)
    assert prior.prediction_type == "v_prediction"
    ids = jnp.asarray(model.tokenize(PROMPTS))
    text = model.networks.text.apply({"params": model.params["text_encoder"]}, ids)
    np.testing.assert_allclose(prior.embed(PROMPTS), text.last_hidden_state, atol=1e-5)
    assert_same(prior.unet_params, model.params["unet"])
    assert_same(prior.autoencoder_params, model.params["vae"])
    assert (prior.unet, prior.autoencoder) == (model.networks.unet, model.networks.autoencoder)


@pytest.mark.parametrize("content", ["", "{", None])
def test_a_damaged_table_is_a_sentence(model, tokenizer, tmp_path, content):
    write_model(model, tmp_path, tokenizer, "float16")
    file = tmp_path / "unet" / "config.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(UserError, match=r"unet/config.json' is (damaged|missing)"):
        read_model(tmp_path)


def test_weights_of_another_size_are_a_sentence(model, tokenizer, tmp_path):
    tables = model.tables._replace(text={**model.tables.text, "vocab_size": 7})
    write_model(model._replace(tables=tables), tmp_path, tokenizer, "float16")
    with pytest.raises(UserError, match="token_embedding"):
        read_model(tmp_path)


def test_a_configuration_of_millions_of_layers_is_never_built(model, tokenizer, tmp_path):
    text = {**model.tables.text, "num_hidden_layers": 1000}
    write_model(
        model._replace(tables=model.tables._replace(text=text)), tmp_path, tokenizer, "float16"
    )
    with pytest.raises(UserError, match=r"text_encoder' holds \d+ tensors, while its conf"):
        read_model(tmp_path)


@pytest.mark.parametrize("part", ["scheduler", "tokenizer"])
def test_everything_small_is_read_before_anything_large(
    model, tokenizer, tmp_path, monkeypatch, part
):
    scheduler = {**model.tables.scheduler, "prediction_type": "flow_prediction"}
    tables = model.tables._replace(scheduler=scheduler) if part == "scheduler" else model.tables
    write_model(model._replace(tables=tables), tmp_path, tokenizer, "float16")
    if part == "tokenizer":
        (tmp_path / "tokenizer" / "merges.txt").unlink()

    def downloaded(source, revision, check):
        check(tmp_path)
        pytest.fail("large files are downloaded")

    for module in (models, build):
        monkeypatch.setattr(module, "local_folder", downloaded)
    with pytest.raises(UserError, match=r"flow_prediction|merges\.txt"):
        read_model("owner/model")
    weights = ConfigDict({"name": "checkpoint", "weights": "owner/model", "revision": None})
    with pytest.raises(UserError, match=r"flow_prediction|merges\.txt"):
        build.tokenizer_folder(ConfigDict({"model": weights}), tmp_path)


def test_a_scheduler_is_warned_of_once(model, tokenizer, tmp_path):
    scheduler = {**model.tables.scheduler, "steps_offset": 0}
    write_model(
        model._replace(tables=model.tables._replace(scheduler=scheduler)),
        tmp_path,
        tokenizer,
        "float16",
    )
    with pytest.warns(UserWarning, match="steps_offset 0") as caught:
        read_model(tmp_path)
    assert len(caught) == 1


@pytest.mark.long
def test_a_new_model_depends_on_the_key(model, tokenizer):
    one, same, other = (new_model(model.tables, tokenizer, jax.random.key(k)) for k in (0, 0, 1))
    assert_same(one.params, same.params)
    assert jax.tree.map(jnp.shape, one.params) == jax.tree.map(jnp.shape, model.params)
    for name, params in one.params.items():
        kernels = [
            not np.array_equal(a, b)
            for a, b in zip(
                jax.tree.leaves(params), jax.tree.leaves(other.params[name]), strict=True
            )
        ]
        assert sum(kernels) > len(kernels) // 4
