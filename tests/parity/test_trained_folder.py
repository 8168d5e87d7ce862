"""A folder that training writes is a Stable Diffusion pipeline to diffusers; so is the one that
comes with the package."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.prior_training.model import write_model
from sdjax.priors import stable_diffusion
from sdjax.priors.stable_diffusion import Precision
from sdjax.runs.particle import particle_noise
from sdjax.runs.sampling import Sampling, sample_seed
from sdjax.text.tokenizer import load_tokenizer
from sdjax.text.views import Prompting
from sdjax.weights.shipped import shipped_folder
from tests.parity.torch_models import channels_first, diffusers, torch
from tests.prior_training import small

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]
PROMPT, SEED, SCALE, STEPS = "a red mug, front view", 3, 3.0, 25
FLOAT32 = Precision(jnp.float32, jnp.float32)


@pytest.fixture(scope="module", params=["epsilon", "v_prediction", "shipped"])
def folder(request, tmp_path_factory):
    if request.param == "shipped":
        return shipped_folder()
    made = tmp_path_factory.mktemp("models")
    model = small.model(made / "tokenizer", request.param)
    write_model(model, made / "model", made / "tokenizer", "float32")
    return made / "model"


@pytest.fixture(scope="module")
def pipeline(folder):
    made = diffusers.StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    made.set_progress_bar_config(disable=True)
    return made.to(torch.float32)


@pytest.fixture(scope="module")
def prior(folder, tmp_path_factory):
    return stable_diffusion.load(
        folder,
        precision=FLOAT32,
        prompting=Prompting(view_dependent=False),
        cache_dir=tmp_path_factory.mktemp("embeddings"),
    )


def test_the_tokens_are_the_same(folder, pipeline):
    prompts = [PROMPT, "an unknown bug", ""]
    theirs = pipeline.tokenizer(prompts, padding="max_length")
    np.testing.assert_array_equal(load_tokenizer(folder / "tokenizer")(prompts), theirs.input_ids)


def test_the_text_is_the_same(pipeline, prior):
    theirs, _ = pipeline.encode_prompt(PROMPT, "cpu", 1, False)
    np.testing.assert_allclose(prior.embed([PROMPT]), theirs.detach().numpy(), atol=1e-4)


def test_the_picture_is_the_same(pipeline, prior):
    """DDIM with guidance, from the same noise; the grid is the one that the folder names."""
    camera = Camera(*(jnp.full(1, value) for value in (0.0, 15.0, 3.2, 40.0)))
    conditioning, size = prior.condition(PROMPT), prior.image_size
    sampling = Sampling(SCALE, STEPS, spacing="leading")
    ours = jax.jit(lambda seed: sample_seed(prior, conditioning, camera, seed, size, sampling))(
        jnp.int32(SEED)
    )
    noise = np.asarray(particle_noise(jnp.int32(SEED), prior.latent_shape(size))[None])
    theirs = pipeline(
        PROMPT,
        height=size,
        width=size,
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        latents=torch.from_numpy(channels_first(noise)),
        output_type="np",
    ).images
    assert np.ptp(theirs) > 0.1
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
