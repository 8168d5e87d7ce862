"""A checkpoint of four blocks that we write: diffusers and transformers read it and agree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.priors import stable_diffusion
from sdjax.priors.stable_diffusion import Precision
from sdjax.text.encoder import text_encoder
from sdjax.text.tokenizer import load_tokenizer
from sdjax.text.views import Prompting
from tests import reference
from tests.networks.components import deviation, loaded
from tests.parity.comparisons import compare_autoencoders, compare_unets
from tests.parity.torch_models import channels_first, channels_last, diffusers, random, torch
from tests.priors.pictures import assert_close, draw_picture

pytestmark = [
    pytest.mark.parity,
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore:the prompt has 100 tokens"),
]

PROMPTS = [str(prompt) for prompt in reference.load("tiny_sd1_tiny")["tokenizer"]["prompts"]]
PROMPT, NEGATIVE, STEPS, SCALE = PROMPTS[1], PROMPTS[3], 10, 7.5


@pytest.fixture(scope="module")
def pipeline(four_blocks):
    opened = diffusers.StableDiffusionPipeline.from_pretrained(four_blocks, safety_checker=None)
    opened.set_progress_bar_config(disable=True)
    return opened


def ids_of(pipeline, prompts):
    """As the pipeline asks its tokenizer."""
    settings = {"padding": "max_length", "max_length": 77, "truncation": True}
    return pipeline.tokenizer(prompts, **settings, return_tensors="np").input_ids


def test_unet(pipeline, four_blocks):
    ours = loaded("unet", four_blocks / "unet")
    compare_unets(pipeline.unet, *ours, (16, 16), [0, 1, 17, 500, 803, 999])


@pytest.mark.parametrize("way", ["encode", "decode"])
def test_autoencoder(pipeline, four_blocks, way):
    compare_autoencoders(pipeline.vae, *loaded("vae", four_blocks / "vae"), way, (64, 32))


def test_tokens_and_embeddings(pipeline, four_blocks):
    """From prompts; short, long, without any word, and of letters that no token has."""
    ids = ids_of(pipeline, PROMPTS)
    np.testing.assert_array_equal(load_tokenizer(four_blocks / "tokenizer")(PROMPTS), ids)
    with torch.no_grad():
        expected = pipeline.text_encoder(torch.from_numpy(ids)).last_hidden_state
    assert deviation(text_encoder(four_blocks)(PROMPTS), expected) < 2e-5


@pytest.mark.parametrize("skip", [0, 1])
def test_hidden_states(pipeline, four_blocks, skip):
    """Of random ids too, in which the end of the text comes early, late or not at all."""
    model, params = loaded("text_encoder", four_blocks / "text_encoder")
    drawn = np.random.default_rng(0).integers(0, model.config.vocab_size, (4, 77))
    ids = np.concatenate([ids_of(pipeline, PROMPTS), drawn])
    embed = jax.jit(model.apply, static_argnums=2)
    output = embed({"params": params}, jnp.asarray(ids, jnp.int32), skip)
    theirs = pipeline.text_encoder
    with torch.no_grad():
        expected = theirs(torch.from_numpy(ids), output_hidden_states=True)
        norm = getattr(theirs, "text_model", theirs).final_layer_norm
        state = norm(expected.hidden_states[-1 - skip])
    assert deviation(output.last_hidden_state, state) < 2e-5
    assert deviation(output.pooled, expected.pooler_output) < 2e-5
    assert output.projected is None


def picture_of(pipeline, latents):
    """The timesteps, the latents after each step, and the picture."""
    states = []

    def keep(_, step, timestep, tensors):
        states.append(channels_last(tensors["latents"].numpy().copy()))
        return tensors

    image = pipeline(
        PROMPT,
        negative_prompt=NEGATIVE,
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        latents=torch.from_numpy(channels_first(latents)),
        output_type="np",
        callback_on_step_end=keep,
    ).images
    return pipeline.scheduler.timesteps.tolist(), states, image


def test_a_picture_is_that_of_the_pipeline(pipeline, four_blocks, tmp_path):
    """Tokenizer, text encoder, ten guided steps of DDIM and decoder, from a prompt to pixels."""
    latents = random(1, 16, 16, 4, seed=0)
    prior = stable_diffusion.load(
        four_blocks,
        precision=Precision(jnp.float32, jnp.float32),
        prompting=Prompting(NEGATIVE, view_dependent=False),
        cache_dir=tmp_path,
    )
    timesteps, states, final, image = draw_picture(prior, PROMPT, latents, STEPS, SCALE)
    asked, expected, picture = picture_of(pipeline, latents)
    assert timesteps.tolist() == asked
    for ours, theirs in zip([*states[1:], final], expected, strict=True):
        assert_close(ours, theirs)
    assert_close(image, picture)
    assert picture.std() > 0.1 and np.mean((picture > 0.0) & (picture < 1.0)) > 0.8
