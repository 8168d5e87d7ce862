"""The text encoder of a folder against recorded embeddings of transformers."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sdjax.config.errors import UserError
from sdjax.text.embeddings import embed
from sdjax.text.encoder import fingerprint, text_encoder
from sdjax.weights.lora import Lora, given_lora
from sdjax.weights.tensors import tensor_shapes
from tests import reference

MODELS = ("sd1_tiny", "sd2_tiny")


def folder(name):
    return reference.FOLDER / "tiny" / name


@pytest.fixture
def copied(tmp_path):
    """A model's text encoder and tokenizer that may be changed."""
    for part in ("text_encoder", "tokenizer"):
        shutil.copytree(folder("sd1_tiny") / part, tmp_path / part)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:the prompt has 100 tokens")
def test_recorded_embeddings(name):
    recorded = reference.load(f"tiny_{name}")
    prompts = [str(prompt) for prompt in recorded["tokenizer"]["prompts"]]
    embeddings = text_encoder(folder(name))(prompts)
    reference.assert_matches(embeddings, recorded["text"]["last_hidden_state"])
    assert embeddings.dtype == jnp.float32


def test_recorded_view_dependent_embeddings(tmp_path):
    """From a folder through the cache to what the official pipeline was given."""
    recorded = reference.load("e2e_tiny_sd1")["inputs"]
    model, prompts = folder("sd1_tiny"), [str(prompt) for prompt in recorded["prompts"]]
    load = lambda missing: text_encoder(model)(missing)  # noqa: E731
    embeddings = embed(prompts, load, fingerprint(model), tmp_path)
    reference.assert_matches(embeddings[:4], recorded["emb_vd"])
    reference.assert_matches(embeddings[4:], recorded["emb_uncond"])
    nothing = lambda missing: pytest.fail(f"loaded for {missing}")  # noqa: E731
    again = embed(prompts, nothing, fingerprint(model), tmp_path)
    np.testing.assert_array_equal(again, embeddings)


@pytest.mark.slow
def test_skip_leaves_out_the_last_layers():
    recorded = reference.load("tiny_sd1_tiny")
    prompts = [str(prompt) for prompt in recorded["tokenizer"]["prompts"][:2]]
    model = folder("sd1_tiny")
    last, earlier = (np.asarray(text_encoder(model, skip=skip)(prompts)) for skip in (0, 1))
    hidden = recorded["text"]["hidden_1"][:2]  # before the norm: equal up to scale and bias
    normed = (hidden - hidden.mean(-1, keepdims=True)) / hidden.std(-1, keepdims=True)
    per_feature = [
        np.corrcoef(normed[..., i].ravel(), earlier[..., i].ravel()) for i in range(last.shape[-1])
    ]
    np.testing.assert_allclose(np.abs(per_feature), 1.0, atol=1e-3)
    assert np.abs(last - earlier).max() > 0.1


@pytest.mark.slow
def test_low_precision_is_near():
    prompts = ["a photo of a hamburger"]
    full, low = (
        text_encoder(folder("sd1_tiny"), dtype=dtype)(prompts)
        for dtype in (jnp.float32, jnp.bfloat16)
    )
    assert low.dtype == jnp.bfloat16
    difference = np.asarray(low, np.float32) - np.asarray(full)
    assert 0.0 < np.sqrt(np.mean(difference**2) / np.var(full)) < 0.02


def change(file):
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    "name",
    ["text_encoder/config.json", "text_encoder/model.safetensors", "tokenizer/merges.txt"],
)
def test_the_fingerprint_knows_the_contents(copied, name):
    before = fingerprint(copied)
    assert before == fingerprint(folder("sd1_tiny"))
    change(copied / name)
    assert fingerprint(copied) != before


def test_the_fingerprint_knows_the_settings_and_nothing_else(copied):
    plain = fingerprint(copied)
    assert len({plain, fingerprint(copied, skip=1), fingerprint(copied, dtype=jnp.bfloat16)}) == 3
    (copied / "unet").mkdir()
    (copied / "text_encoder" / "README.md").write_text("words")
    assert fingerprint(copied) == plain


def test_a_folder_without_a_text_encoder_is_named(tmp_path):
    with pytest.raises(ValueError, match="no component 'text_encoder'"):
        fingerprint(tmp_path)


def not_a_text_encoder(path):
    (path / "text_encoder" / "config.json").write_text(json.dumps({"model_type": "bert"}))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: (path / "text_encoder" / "config.json").unlink(), "config.json"),
        (lambda path: (path / "text_encoder" / "config.json").write_text("{"), "config.json"),
        (lambda path: (path / "text_encoder" / "model.safetensors").unlink(), "text_encoder"),
        (lambda path: shutil.rmtree(path / "tokenizer"), "tokenizer_config.json"),
        (not_a_text_encoder, "bert"),
    ],
)
def test_what_is_missing_or_unsuitable_is_named(copied, damage, sentence):
    damage(copied)
    with pytest.raises(ValueError, match=sentence):
        text_encoder(copied)


def test_surplus_tensors_of_a_whole_clip_are_ignored(copied):
    expected = np.asarray(text_encoder(copied)(["a bun"]))
    file = copied / "text_encoder" / "model.safetensors"
    beside = {"logit_scale": np.ones(1), "vision_model.x.weight": np.ones(3)}
    save_file({**load_file(file), **beside}, file)
    np.testing.assert_array_equal(text_encoder(copied)(["a bun"]), expected)


def test_a_token_that_the_encoder_does_not_know(copied):
    tokenize = lambda prompts: np.full((len(prompts), 3), 604, np.int32)  # noqa: E731
    encode = text_encoder(copied, tokenize=tokenize)
    with pytest.raises(UserError, match="has a token 604, while the text encoder knows 604"):
        encode(["a bun"])


def test_lora_is_added_and_known_to_the_fingerprint(copied, tmp_path):
    name = "text_model.encoder.layers.0.mlp.fc1"
    file = copied / "text_encoder" / "model.safetensors"
    weight = load_file(file)[f"{name}.weight"]
    up, down = np.ones((len(weight), 1), np.float32), np.ones((1, weight.shape[1]), np.float32)
    parts = {f"text_encoder.{name}.lora_A.weight": down, f"text_encoder.{name}.lora_B.weight": up}
    save_file(parts, tmp_path / "lora.safetensors")
    shapes = {"text_encoder": tensor_shapes(copied / "text_encoder")}
    lora = given_lora([tmp_path / "lora.safetensors"], 0.1, shapes)
    found = text_encoder(copied, lora=lora)(["a bun"])
    assert fingerprint(copied, lora=lora) != fingerprint(copied) == fingerprint(copied, lora=Lora())
    save_file({**load_file(file), f"{name}.weight": weight + np.float32(0.1)}, file)
    np.testing.assert_allclose(found, text_encoder(copied)(["a bun"]), atol=1e-5)
