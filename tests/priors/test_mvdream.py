"""MVDream: the official guidance and samples, and what its prior does with views and cameras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.config.errors import UserError
from sdjax.diffusion.ddim import ddim_sample
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.priors import mvdream, stable_diffusion
from sdjax.priors.parts import Precision
from sdjax.rigs import rig
from sdjax.rules.sds import sds_residual
from sdjax.rules.weighting import sigma_over_alpha
from sdjax.text.conditioning import Conditioning
from tests import tiny
from tests.multiview_folders import mvdream_file, mvdream_folder
from tests.multiview_toys import assert_relative, latents, recorded, schedule_in
from tests.reference import FOLDER

pytestmark = pytest.mark.slow
FLOAT32 = Precision(jnp.float32, jnp.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint with the recorded UNet."""
    return mvdream_folder(tmp_path_factory.mktemp("mvdream") / "model")


@pytest.fixture(scope="module")
def prior(folder, tmp_path_factory):
    """On the recorded schedule, with the text embeddings that a test gives."""
    found = mvdream.load(
        folder, precision=FLOAT32, cache_dir=tmp_path_factory.mktemp("cache") / "cache"
    )
    return found.replace(schedule=schedule_in(jnp.float32))


def texts(arrays, row=0):
    """The conditioning of recorded texts, one for all views."""
    text, uncond = (jnp.asarray(arrays[name][row]) for name in ("text", "uncond"))
    return Conditioning(jnp.stack([text] * 4), uncond, uncond, text)


def around(azimuth, elevation, number=4):
    """A rig from `azimuth` on."""
    angles = (jnp.float32(value) for value in (azimuth, elevation, 2.0, 45.0))
    return rig(Camera(*angles), number)


CASES = sorted(recorded("multiview/mvdream/sampling"))


@pytest.mark.parametrize("name", CASES)
def test_the_samples_are_the_official_ones(prior, name):
    """From the prompt and the cameras to the latents: azimuths are MVDream's where the front is 0,
    and both samplers end at the first of alphas_cumprod."""
    arrays = recorded("multiview/mvdream/sampling")[name]
    text = recorded("multiview/mvdream/sampling")["ldm_sampler"]
    reference = recorded("multiview/mvdream/sampling")["ldm_sampler"]
    start = float(arrays["azimuth_start"]) if "azimuth_start" in arrays else 0.0
    camera = around(start, float(reference["elevation"]), len(arrays["camera"]))
    predictor = prior.predictor(texts(text), camera)
    told = predictor.branches.positive[1]
    assert_relative(told, arrays["camera"], 1e-6)
    scale, steps = float(arrays["guidance_scale"]), int(arrays["num_inference_steps"])
    sample = ddim_sample(
        lambda x, t: predictor(x, t, scale),
        prior.schedule,
        latents(arrays["latents_init"], jnp.float32),
        steps,
        spacing="leading",
    )
    assert_relative(sample, latents(arrays["latents_final"], jnp.float32), 2e-5)


TINY = sorted(name for name in recorded("multiview/mvdream/guidance") if name.startswith("tiny_"))


@pytest.mark.parametrize("name", TINY)
def test_the_rule_on_the_network_is_the_official_one(prior, name):
    """`dloss/dz`, which has the mean over the views, from the prior's own network."""
    cases = recorded("multiview/mvdream/guidance")
    arrays, inputs, tiny_texts = cases[name], cases["inputs"], cases["inputs_tiny"]
    batch = int(arrays["batch"])
    camera = jnp.asarray(arrays["camera_to_unet"][:batch])
    text, uncond = (jnp.asarray(tiny_texts[key][:batch]) for key in ("text", "uncond"))
    predictor = NetworkPredictor(prior.predict_noise, Branches((text, camera), (uncond, camera)))
    found = sds_residual(
        prior.schedule,
        predictor,
        latents(inputs["latents"][:batch], jnp.float32),
        jnp.int32(arrays["t"]),
        latents(inputs["noise"][:batch], jnp.float32),
        guidance_scale=float(arrays["scale"]),
        weighting=sigma_over_alpha,
        recon_std_rescale=float(arrays["recon_std_rescale"]),
        views_together=int(arrays["num_frames"]),
    )
    assert_relative(found.gradient / batch, latents(arrays["dloss_dlatents"], jnp.float32), 1e-4)


def test_threestudios_numbers_have_the_front_at_minus_90(prior):
    """Recorded cameras of threestudio, which the official code tells the network as they are."""
    cases = recorded("multiview/mvdream/guidance")
    inputs = cases["inputs"]
    name = next(name for name in cases if name.startswith("recon_b8"))
    angles = (inputs[key] for key in ("azimuth", "elevation", "camera_distances"))
    camera = Camera(*map(jnp.asarray, angles), jnp.full(8, 40.0))
    predictor = prior.replace(front=-90.0).predictor(texts(cases["inputs_tiny"]), camera)
    expected = cases[name]["camera_to_unet"]
    assert_relative(predictor.branches.positive[1], expected[: len(camera.azimuth)], 1e-5)


def test_scenes_do_not_mix_and_views_do(prior):
    """Two scenes at once are each what they are alone; a view depends on the others of its own."""
    conditioning = texts(recorded("multiview/mvdream/guidance")["inputs_tiny"])
    first, second = around(10.0, 5.0), around(50.0, 25.0)
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, second)
    shape = (8, *prior.latent_shape(64))
    x = jax.random.normal(jax.random.key(0), shape)
    predict = tiny.jit(lambda x, camera: prior.predictor(conditioning, camera)(x, 500, 7.5))
    together = predict(x, both)
    assert_relative(together[:4], predict(x[:4], first), 2e-5)
    changed = predict(x.at[1].add(1.0), both)
    assert_relative(changed[4:], together[4:], 2e-5)
    assert float(jnp.abs(changed[0] - together[0]).max()) > 1e-3


def test_views_that_are_no_whole_scenes(prior):
    conditioning = texts(recorded("multiview/mvdream/guidance")["inputs_tiny"])
    with pytest.raises(UserError, match="was given 3 views, expected a multiple of 4"):
        prior.predictor(conditioning, around(0.0, 0.0, 3))


def test_an_original_file_is_the_same_prior(folder, tmp_path):
    """In one .safetensors file, beside a folder for the text."""
    file = mvdream_file(tmp_path / "sd-v2.1-base-4view.safetensors")
    options = {"precision": FLOAT32, "cache_dir": tmp_path / "cache"}
    in_parts = mvdream.load(folder, **options)
    in_one = mvdream.load(file, tokenizer=folder, **options)
    for name in ("unet_params", "autoencoder_params"):
        jax.tree.map(np.testing.assert_array_equal, *(vars(p)[name] for p in (in_parts, in_one)))
    assert in_one.unet == in_parts.unet and in_one.image_size == in_parts.image_size
    np.testing.assert_array_equal(*(one.embed(["a mug", "a car"]) for one in (in_parts, in_one)))
    with pytest.raises(UserError, match=r"has no tokenizer, so config\.prior.tokenizer"):
        mvdream.load(file, **options)


def test_weights_of_another_kind(folder):
    """Either way, in one sentence that names the prior they are for."""
    with pytest.raises(UserError, match=r"has a camera embedding.*prior\.name=mvdream"):
        stable_diffusion.load(folder)
    other = FOLDER / "tiny" / "sd1_tiny"
    with pytest.raises(UserError, match=r"no camera embedding.*prior\.name=stable_diffusion"):
        mvdream.load(other)
