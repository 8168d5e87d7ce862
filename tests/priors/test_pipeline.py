"""A pipeline of PyTorch as a prior, on stand-ins that hold the recorded checkpoints' tensors."""

import json
import re
import shutil
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sdjax.config.errors import UserError
from sdjax.priors import stable_diffusion
from sdjax.priors.stable_diffusion import Precision
from sdjax.text.views import Prompting
from tests import reference
from tests.priors.equality import assert_same
from tests.weights.fake_modules import Compiled, MetaTensor, Module, adapted_layer

FLOAT32 = Precision(jnp.float32, jnp.float32)
PROMPTS = ["a photo of a hamburger", "", "a Blue mug, front view"]
FILES = {
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}


class UNet2DConditionModel(Module):
    pass


class AutoencoderKL(Module):
    pass


class CLIPTextModel(Module):
    pass


class StableDiffusionPipeline(SimpleNamespace):
    pass


class DerivedPipeline(StableDiffusionPipeline):
    pass


def folder_of(name):
    return reference.FOLDER / "tiny" / name


def pipeline(folder, kind=StableDiffusionPipeline, **parts):
    """What diffusers has in memory after it has read `folder`, with other `parts` if given."""
    from transformers import CLIPTokenizerFast

    def fields(*path):
        table = json.loads(folder.joinpath(*path).read_text())
        return {name: value for name, value in table.items() if name != "_class_name"}

    tensors = {name: load_file(folder / name / file) for name, file in FILES.items()}
    text = fields("text_encoder", "config.json")
    made = {
        "unet": UNet2DConditionModel(fields("unet", "config.json"), tensors["unet"]),
        "vae": AutoencoderKL(fields("vae", "config.json"), tensors["vae"]),
        "text_encoder": CLIPTextModel(
            SimpleNamespace(to_dict=lambda: text), tensors["text_encoder"]
        ),
        "tokenizer": CLIPTokenizerFast.from_pretrained(folder / "tokenizer"),
        "scheduler": SimpleNamespace(config=fields("scheduler", "scheduler_config.json")),
    }
    return kind(**made | parts)


@pytest.fixture
def pipe():
    return pipeline(folder_of("sd1_tiny"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"), [("sd1_tiny", StableDiffusionPipeline), ("sd2_tiny", DerivedPipeline)]
)
def test_it_is_the_prior_of_the_folder(name, kind, tmp_path):
    options = {"prompting": Prompting("blurry"), "precision": FLOAT32}
    prior = stable_diffusion.from_pipeline(pipeline(folder_of(name), kind), **options)
    expected = stable_diffusion.load(folder_of(name), cache_dir=tmp_path, **options)
    assert_same(prior, expected)
    np.testing.assert_array_equal(prior.embed(PROMPTS), expected.embed(PROMPTS))


@pytest.mark.slow
def test_options_are_those_of_load(pipe, tmp_path):
    options = {"image_size": 32, "remat": True, "precision": Precision(jnp.float16, jnp.bfloat16)}
    prior = stable_diffusion.from_pipeline(pipe, **options)
    expected = stable_diffusion.load(folder_of("sd1_tiny"), cache_dir=tmp_path, **options)
    assert_same(prior, expected)
    assert prior.image_size == 32 and prior.unet.remat == "blocks"
    assert_same(
        stable_diffusion.from_pipeline(pipe),
        stable_diffusion.load(folder_of("sd1_tiny"), cache_dir=tmp_path),
    )


@pytest.mark.slow
@pytest.mark.parametrize("precision", [FLOAT32, Precision(jnp.bfloat16, jnp.float16)])
@pytest.mark.parametrize("stored", [np.float16, ml_dtypes.bfloat16])
def test_weights_in_half_precision(stored, precision, tmp_path):
    folder = shutil.copytree(folder_of("sd1_tiny"), tmp_path / "half")
    for name, file in FILES.items():
        path = folder / name / file
        tensors = {key: tensor.astype(stored) for key, tensor in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    prior = stable_diffusion.from_pipeline(pipeline(folder), precision=precision)
    expected = stable_diffusion.load(folder, precision=precision, cache_dir=tmp_path)
    assert_same(prior, expected)
    np.testing.assert_array_equal(prior.embed(PROMPTS), expected.embed(PROMPTS))


@pytest.mark.slow
def test_what_becomes_of_the_pipeline_does_not_matter(pipe):
    prior = stable_diffusion.from_pipeline(pipe, precision=FLOAT32)
    kept = jax.tree.map(jnp.copy, prior)
    for network in (pipe.unet, pipe.vae, pipe.text_encoder):
        for tensor in network.tensors.values():
            tensor += 1.0
    pipe.tokenizer.add_tokens("hamburger")
    assert_same(prior, kept)
    expected = stable_diffusion.from_pipeline(pipeline(folder_of("sd1_tiny"))).embed(PROMPTS)
    np.testing.assert_array_equal(prior.embed(PROMPTS), expected)


@pytest.mark.slow
def test_compiled_networks(pipe):
    expected = stable_diffusion.from_pipeline(pipe)
    for name in FILES:
        setattr(pipe, name, Compiled(getattr(pipe, name)))
    assert_same(stable_diffusion.from_pipeline(pipe), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_adapters_have_to_be_fused(pipe, name):
    getattr(pipe, name).layers["down.to_q"] = adapted_layer(["style"], [], lora_A={"style": 0})
    sentence = f"The pipeline's {name} has LoRA weights that are not fused (style); call"
    with pytest.raises(UserError, match=re.escape(sentence)):
        stable_diffusion.from_pipeline(pipe)


@pytest.mark.slow
def test_offloaded_weights(pipe):
    pipe.vae.tensors = {name: MetaTensor(array) for name, array in pipe.vae.tensors.items()}
    with pytest.raises(UserError, match=r"^The pipeline's vae has its weights offloaded; call"):
        stable_diffusion.from_pipeline(pipe)


def other(name):
    """A pipeline of another class, with all parts of Stable Diffusion's."""
    made = type(name, (SimpleNamespace,), {})()
    vars(made).update(vars(pipeline(folder_of("sd1_tiny"))))
    return made


@pytest.mark.parametrize(
    "name",
    [
        "StableDiffusionXLPipeline",
        "StableDiffusionInpaintPipeline",
        "StableDiffusionControlNetPipeline",
        "FluxPipeline",
    ],
)
def test_pipelines_of_another_kind(name):
    with pytest.raises(UserError) as caught:
        stable_diffusion.from_pipeline(other(name))
    assert str(caught.value) == (
        f"from_pipeline was given a {name}, expected a StableDiffusionPipeline of diffusers "
        "(Stable Diffusion 1.x or 2.x, text to image); folders and hub ids are for load."
    )


@pytest.mark.parametrize("thing", ["owner/model", folder_of("sd1_tiny"), None])
def test_no_pipeline_at_all(thing):
    with pytest.raises(UserError, match=r"was given a (str|PosixPath|NoneType), .* for load\.$"):
        stable_diffusion.from_pipeline(thing)


@pytest.mark.parametrize("name", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_part_is_missing(pipe, name):
    setattr(pipe, name, None)
    with pytest.raises(UserError, match=rf"^The pipeline has no {name}, expected all of unet, "):
        stable_diffusion.from_pipeline(pipe)


def test_parts_are_missing(pipe):
    pipe.vae = None
    del pipe.text_encoder
    with pytest.raises(UserError, match="has no vae and no text_encoder, expected"):
        stable_diffusion.from_pipeline(pipe)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"in_channels": 9}, r"takes 9 channels .* expected the 4 of the latents"),
        ({"addition_embed_type": "text_time"}, "addition_embed_type 'text_time', expected None"),
        ({"encoder_hid_dim_type": "ip_image_proj"}, "encoder_hid_dim_type 'ip_image_proj'"),
    ],
    ids=["inpainting", "SDXL", "IP-Adapter"],
)
def test_networks_of_another_kind(pipe, fields, sentence):
    pipe.unet.config |= fields
    with pytest.raises(UserError, match=sentence):
        stable_diffusion.from_pipeline(pipe)


def test_classes_of_another_kind(pipe):
    kind = type("UNetMotionModel", (Module,), {})
    pipe.unet = kind(pipe.unet.config, pipe.unet.tensors)
    with pytest.raises(UserError, match="'UNetMotionModel', expected 'UNet2DConditionModel'"):
        stable_diffusion.from_pipeline(pipe)


@pytest.mark.slow
def test_weights_of_another_network(pipe):
    del pipe.unet.tensors["conv_in.bias"]
    sentence = "The pipeline's unet holds weights of another network than its configuration"
    with pytest.raises(UserError, match=f"^{sentence}") as caught:
        stable_diffusion.from_pipeline(pipe)
    assert str(caught.value).splitlines()[1:] == ["missing:", "  conv_in.bias [24]"]


@pytest.mark.slow
def test_another_schedule(pipe):
    pipe.scheduler.config["beta_schedule"] = "sigmoid"
    with pytest.raises(UserError, match="beta_schedule 'sigmoid'"):
        stable_diffusion.from_pipeline(pipe)
