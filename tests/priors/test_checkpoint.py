"""A checkpoint's folder on its way to a prior: what is checked, when, and what is added."""

import json
import shutil
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sdjax.config.errors import UserError
from sdjax.config.tables import complete
from sdjax.priors import PRIOR, checkpoint, stable_diffusion
from sdjax.priors.architecture import architecture
from sdjax.priors.stable_diffusion import Precision
from sdjax.text.views import Prompting
from sdjax.weights import safetensors_files
from tests import reference
from tests.checkpoints import edit

FLOAT32 = Precision(jnp.float32, jnp.float32)
PLAIN = Prompting(view_dependent=False)
FILE = "diffusion_pytorch_model.safetensors"


def cut(file):
    file.write_bytes(file.read_bytes()[:-1])


def fields_of(model):
    """Of its UNet and its autoencoder."""
    return [json.loads((model / name / "config.json").read_text()) for name in ("unet", "vae")]


def test_the_fields_that_diffusers_writes_for_an_average_are_ignored():
    unet, vae = fields_of(reference.FOLDER / "tiny" / "sd1_tiny")
    average = {"decay": 0.9999, "inv_gamma": 1.0, "optimization_step": 0, "power": 2 / 3}
    assert architecture({**unet, **average}, vae) == architecture(unet, vae)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda model: (model / "tokenizer" / "merges.txt").unlink(), r"no merges\.txt"),
        (
            lambda model: edit(model / "scheduler" / "scheduler_config.json", beta_end="x"),
            "beta_end",
        ),
        (
            lambda model: edit(model / "vae" / "config.json", scaling_factor=0),
            "scaling_factor is 0",
        ),
        (lambda model: edit(model / "text_encoder" / "config.json", hidden_size=[]), "hidden_size"),
        (lambda model: (model / "text_encoder" / "model.safetensors").unlink(), "holds no weights"),
        (lambda model: cut(model / "text_encoder" / "model.safetensors"), "cut short"),
        (lambda model: cut(model / "vae" / FILE), "cut short"),
    ],
)
def test_everything_small_is_checked_before_a_tensor_is_read(copy, damage, words, monkeypatch):
    damage(copy)
    monkeypatch.setattr(safetensors_files, "_tensor", lambda *_: pytest.fail("a tensor is read"))
    with pytest.raises(UserError, match=words):
        stable_diffusion.load(copy)


def test_networks_that_do_not_belong_together(copy):
    shutil.copy(reference.FOLDER / "tiny/sd2_tiny/text_encoder/config.json", copy / "text_encoder")
    with pytest.raises(UserError, match="has 48 features and the UNet reads 32; take both from"):
        stable_diffusion.load(copy)


@pytest.mark.parametrize(("size", "warned"), [(16, 0), (20, 0), (12, 0), (24, 1), (8, 1)])
def test_a_size_far_from_that_of_the_training_is_warned_of(size, warned):
    fields = fields_of(reference.FOLDER / "tiny" / "sd1_tiny")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert architecture(*fields).image_size(size) == size
    assert ["was trained for 16 pixels" in str(one.message) for one in caught] == [True] * warned


def test_a_long_prompt_is_warned_of_at_every_run_and_its_views_differ(copy, tmp_path):
    prior = stable_diffusion.load(copy, cache_dir=tmp_path / "cache")
    for _ in range(2):
        with pytest.warns(UserWarning, match="with its words for the view") as caught:
            directions = prior.condition("a clock tower with many windows " * 20).directions
        assert len(caught) == 1
    assert len({np.asarray(embedding).tobytes() for embedding in directions}) == 4


def test_lora_is_added_to_the_unet_and_to_the_text(copy, tmp_path):
    layers = {
        "unet": "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
        "text_encoder": "text_model.encoder.layers.0.self_attn.q_proj",
    }
    tensors = {}
    for part, layer in layers.items():
        file = next((copy / part).glob("*.safetensors"))
        outside, inside = load_file(file)[f"{layer}.weight"].shape
        tensors[f"{part}.{layer}.lora_A.weight"] = np.ones((1, inside), np.float32)
        tensors[f"{part}.{layer}.lora_B.weight"] = np.ones((outside, 1), np.float32)
    save_file(tensors, tmp_path / "lora.safetensors")
    options = {"precision": FLOAT32, "prompting": PLAIN, "cache_dir": tmp_path / "cache"}
    plain = stable_diffusion.load(copy, **options)
    given = {"lora": [tmp_path / "lora.safetensors"], "lora_scale": 0.25}
    found = stable_diffusion.load(copy, **options, **given)
    difference = jax.tree.map(
        lambda a, b: np.abs(a - b).max(), found.unet_params, plain.unet_params
    )
    assert sorted(jax.tree.leaves(difference))[-2:] == [0.0, pytest.approx(0.25)]
    assert not np.allclose(found.embed(["a mug"]), plain.embed(["a mug"]), atol=1e-3)


def test_the_settings_name_lora_files():
    table = complete({"name": "stable_diffusion", "weights": "x"}, PRIOR)
    assert table["lora"] is None and table["lora_scale"] == 1.0


def lora_of(folder, tensors):
    save_file(tensors, folder / "lora.safetensors")
    return folder / "lora.safetensors"


LYCORIS = {"lora_unet_conv_in.hada_w1_a": np.ones(2, np.float32)}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (lambda folder: {"image_size": 18}, "image_size is 18, expected a multiple of"),
        (lambda folder: {"lora": [folder / "gone.safetensors"]}, "is missing, expected a LoRA"),
        (lambda folder: {"lora": [lora_of(folder, LYCORIS)]}, "no LoCon, LoHa, DoRA"),
    ],
    ids=["size", "no LoRA", "another LoRA"],
)
def test_what_is_wrong_with_the_settings_is_told_before_the_download(
    copy, tmp_path, monkeypatch, options, told
):
    def downloaded(source, revision, check):
        check(copy)
        pytest.fail("large files are downloaded")

    monkeypatch.setattr(checkpoint, "local_folder", downloaded)
    with pytest.raises(UserError, match=told):
        stable_diffusion.load("owner/model", **options(tmp_path))


def test_a_scheduler_is_warned_of_once(copy, monkeypatch):
    edit(copy / "scheduler" / "scheduler_config.json", steps_offset=0)

    def downloaded(source, revision, check):
        check(copy)
        return copy

    monkeypatch.setattr(checkpoint, "local_folder", downloaded)
    with pytest.warns(UserWarning, match="steps_offset 0") as caught:
        stable_diffusion.load("owner/model")
    assert len(caught) == 1
