"""Pipelines of diffusers as priors: those of the folders that they save, LoRA included."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from sdjax.config.errors import UserError
from sdjax.priors import stable_diffusion
from sdjax.priors.stable_diffusion import Precision
from sdjax.text.views import Prompting
from sdjax.weights.layout import to_flax, torch_tensor
from tests import reference
from tests.networks.components import deviation
from tests.parity.torch_models import channels_first, channels_last, diffusers, random, torch
from tests.priors.equality import assert_same
from tests.priors.pictures import front

pytest.importorskip("peft")
pytestmark = [
    pytest.mark.parity,
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore:the prompt has 100 tokens"),
]

FLOAT32 = Precision(jnp.float32, jnp.float32)
CHECKPOINTS = ("sd1_tiny", "sd2_tiny")
PROMPTS = [str(prompt) for prompt in reference.load("tiny_sd1_tiny")["tokenizer"]["prompts"]]
PROMPT, TIMESTEP, SCALE = PROMPTS[1], 500, 7.5
RANK, STRENGTH = 2, 0.7
# the module that each LoRA changes, with its inputs and outputs in sd1_tiny
LAYERS = {
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q": (24, 24),
    "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_v": (32, 48),
    "text_encoder.text_model.encoder.layers.1.self_attn.q_proj": (32, 32),
}


def open_pipeline(name, **options):
    folder = reference.FOLDER / "tiny" / name
    return diffusers.StableDiffusionPipeline.from_pretrained(folder, safety_checker=None, **options)


@pytest.fixture
def pipe():
    return open_pipeline("sd1_tiny")


def saved_and_loaded(pipe, folder, **options):
    pipe.save_pretrained(folder / "saved")
    return stable_diffusion.load(folder / "saved", cache_dir=folder / "cache", **options)


@jax.jit
def guided(prior, conditioning, x):
    return prior.predictor(conditioning, front())(x, TIMESTEP, SCALE)


def guided_by_pytorch(pipe, x):
    """epsilon of a pipeline that predicts that, from the prompt on."""
    with torch.no_grad():
        text, negative = pipe.encode_prompt(PROMPT, "cpu", 1, True)
        latents = torch.from_numpy(channels_first(np.concatenate([x, x])))
        conditional, unconditional = pipe.unet(
            latents, torch.tensor(TIMESTEP), torch.cat([text, negative])
        ).sample
    return channels_last((unconditional + SCALE * (conditional - unconditional))[None].numpy())


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_it_is_the_prior_of_the_folder_that_it_saves(name, dtype, tmp_path):
    pipe = open_pipeline(name).to(getattr(torch, dtype))
    options = {"prompting": Prompting("blurry, low quality")}
    prior = stable_diffusion.from_pipeline(pipe, **options)
    expected = saved_and_loaded(pipe, tmp_path, **options)
    assert_same(prior, expected)
    np.testing.assert_array_equal(prior.embed(PROMPTS), expected.embed(PROMPTS))


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_guided_prediction_is_that_of_the_recorded_folder(name, tmp_path):
    options = {"precision": FLOAT32, "prompting": Prompting(view_dependent=False)}
    prior = stable_diffusion.from_pipeline(open_pipeline(name), **options)
    folder = reference.FOLDER / "tiny" / name
    expected = stable_diffusion.load(folder, cache_dir=tmp_path, **options)
    x = random(1, 8, 8, 4, seed=0)
    found, loaded = (guided(one, one.condition(PROMPT), x) for one in (prior, expected))
    np.testing.assert_array_equal(found, loaded)


def test_another_sampler_does_not_matter(pipe, tmp_path):
    expected = stable_diffusion.from_pipeline(pipe)
    pipe.scheduler = diffusers.EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    assert_same(stable_diffusion.from_pipeline(pipe), expected)
    assert_same(saved_and_loaded(pipe, tmp_path), expected)


def test_compiled_networks(pipe):
    expected = stable_diffusion.from_pipeline(pipe)
    for name in ("unet", "vae", "text_encoder"):
        setattr(pipe, name, torch.compile(getattr(pipe, name)))
    assert_same(stable_diffusion.from_pipeline(pipe), expected)


def test_nothing_is_shared_with_pytorch(pipe):
    prior = stable_diffusion.from_pipeline(pipe, precision=FLOAT32)
    kept, embeddings = jax.tree.map(jnp.copy, prior), prior.embed(PROMPTS)
    with torch.no_grad():
        for network in (pipe.unet, pipe.vae, pipe.text_encoder):
            for parameter in network.parameters():
                parameter.add_(1.0)
    assert_same(prior, kept)
    np.testing.assert_array_equal(prior.embed(PROMPTS), embeddings)


def lora():
    """A file of LoRA weights as diffusers reads it."""
    state = {}
    for i, (layer, (inputs, outputs)) in enumerate(LAYERS.items()):
        state[f"{layer}.lora_A.weight"] = torch.from_numpy(0.3 * random(RANK, inputs, seed=2 * i))
        up = 0.3 * random(outputs, RANK, seed=2 * i + 1)
        state[f"{layer}.lora_B.weight"] = torch.from_numpy(up)
    return state


@pytest.fixture
def with_lora(pipe):
    pipe.load_lora_weights(lora(), adapter_name="style")
    return pipe


def changes(params, before):
    """How much each parameter differs, by the name and in the layout of PyTorch."""
    before, found = flatten_dict(before), {}
    for path, array in flatten_dict(params).items():
        if np.any(array != before[path]):
            tensor = torch_tensor(path, array.shape)
            found[tensor.name] = (tensor, np.asarray(array - before[path]))
    return found


def test_fused_lora_changes_the_weights_as_in_pytorch(pipe):
    options = {"precision": FLOAT32, "prompting": Prompting(view_dependent=False)}
    before = stable_diffusion.from_pipeline(pipe, **options)
    pipe.load_lora_weights(lora(), adapter_name="style")
    x = random(1, 8, 8, 4, seed=0)
    pipe.set_adapters(["style"], [STRENGTH])
    expected = guided_by_pytorch(pipe, x)
    pipe.fuse_lora()
    prior = stable_diffusion.from_pipeline(pipe, **options)
    names = {layer for layer in LAYERS if layer.startswith("unet.")}
    found = changes(prior.unet_params, before.unet_params)
    assert {f"unet.{name}" for name in found} == {f"{name}.weight" for name in names}
    for name, (tensor, difference) in found.items():
        down, up = (
            lora()[f"unet.{name.removesuffix('.weight')}.lora_{kind}.weight"].numpy()
            for kind in "AB"
        )
        np.testing.assert_allclose(
            difference, to_flax(tensor, STRENGTH * up @ down), rtol=0, atol=1e-6
        )
    assert_same(prior.replace(unet_params=before.unet_params), before)
    assert deviation(guided(prior, prior.condition(PROMPT), x), expected) < 2e-5
    assert deviation(guided(before, before.condition(PROMPT), x), expected) > 1e-2
    assert deviation(before.embed([PROMPT]), prior.embed([PROMPT])) > 1e-2


def test_fused_lora_is_in_the_folder_that_the_pipeline_saves(with_lora, tmp_path):
    """Whether what PEFT has put around the layers is still there or not."""
    with_lora.fuse_lora(lora_scale=STRENGTH)
    prior = stable_diffusion.from_pipeline(with_lora)
    with_lora.unload_lora_weights()
    unloaded = stable_diffusion.from_pipeline(with_lora)
    assert_same(prior, unloaded)
    expected = saved_and_loaded(with_lora, tmp_path)
    assert_same(prior, expected)
    for one in (prior, unloaded):
        np.testing.assert_array_equal(one.embed(PROMPTS), expected.embed(PROMPTS))


def test_lora_that_is_not_fused(with_lora):
    sentence = (
        "The pipeline's text_encoder has LoRA weights that are not fused (style); call "
        "pipe.fuse_lora() first."
    )
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        stable_diffusion.from_pipeline(with_lora)
    with_lora.fuse_lora(components=["text_encoder"])
    with pytest.raises(UserError, match=r"^The pipeline's unet has LoRA weights that are not"):
        stable_diffusion.from_pipeline(with_lora)


def test_lora_that_is_out_of_use(with_lora):
    before = stable_diffusion.from_pipeline(open_pipeline("sd1_tiny"))
    with_lora.disable_lora()
    assert_same(stable_diffusion.from_pipeline(with_lora), before)
    with_lora.enable_lora()
    with_lora.fuse_lora()
    with_lora.disable_lora()
    with pytest.raises(UserError, match=r"that are fused and disabled; call pipe\.unfuse_lora\(\)"):
        stable_diffusion.from_pipeline(with_lora)


@pytest.mark.parametrize(
    "kind", ["StableDiffusionInpaintPipeline", "StableDiffusionImg2ImgPipeline"]
)
def test_pipelines_of_another_kind(pipe, kind):
    with pytest.raises(UserError, match=rf"^from_pipeline was given a {kind}, expected a Stable"):
        stable_diffusion.from_pipeline(getattr(diffusers, kind).from_pipe(pipe))


def test_parts_that_are_missing():
    with pytest.raises(UserError, match=r"^The pipeline has no vae, expected all of unet"):
        stable_diffusion.from_pipeline(open_pipeline("sd1_tiny", vae=None))


def test_offloaded_weights(pipe):
    pipe.unet.to("meta")
    with pytest.raises(UserError, match=r"^The pipeline's unet has its weights offloaded; call"):
        stable_diffusion.from_pipeline(pipe)
