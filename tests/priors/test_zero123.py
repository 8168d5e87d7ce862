"""Zero-1-to-3: from a picture to the official gradients and samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from sdjax.cameras import Camera
from sdjax.config.errors import UserError
from sdjax.diffusion.ddim import ddim_sample
from sdjax.priors import zero123
from sdjax.priors.parts import Precision
from sdjax.priors.reference import Reference
from sdjax.priors.roles import TEXT_TO_IMAGE
from sdjax.priors.small_files import read_diffusion
from sdjax.rules.sds import sds_residual
from tests.multiview_folders import zero123_file, zero123_folder
from tests.multiview_toys import assert_relative, latents, recorded
from tests.reference import FOLDER

pytestmark = pytest.mark.slow
FLOAT32 = Precision(jnp.float32, jnp.float32)
CHAIN = 1e-4  # of a rule: through CLIP's pixels, whose recordings are 8e-6 off a double one's
POSES = {"zero123": "distance", "stable_zero123": "elevation"}


def camera(elevation, azimuth, distance):
    """[views] or [1]."""
    angles = (jnp.atleast_1d(jnp.float32(value)) for value in (azimuth, elevation, distance))
    azimuth, elevation, distance = angles
    return Camera(azimuth, elevation, distance, jnp.full(azimuth.shape, 20.0))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The recorded picture, seen by the recorded camera."""
    file = tmp_path_factory.mktemp("picture") / "picture.png"
    Image.fromarray(recorded("multiview/zero123/conventions")["image_sq256"]["rgba_u8"]).save(file)
    inputs = recorded("multiview/zero123/end_to_end")["inputs"]
    own = camera(*inputs["reference_elevation_azimuth_distance"])
    return picture_of(file, own)


def picture_of(file, own):
    """A picture of noise fills its frame, which a user's must not: it is read without the check."""
    rgba = np.asarray(Image.open(file), np.float32) / 255.0
    mask = rgba[..., 3:]
    image = rgba[..., :3] * mask + (1.0 - mask)
    found = Reference(jnp.asarray(image), jnp.asarray(mask), own)

    def picture(size):
        """In its own size, whatever is asked for: it is the networks'."""
        assert size in (len(image), zero123.COMPARED)
        return found

    return picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of the recorded networks."""
    return zero123_folder(tmp_path_factory.mktemp("zero123") / "model")


@pytest.fixture(scope="module")
def priors(folder, reference):
    """One for either meaning of the pose's last number."""
    return {
        name: zero123.load(folder, reference, pose=pose, precision=FLOAT32)
        for name, pose in POSES.items()
    }


def views():
    """The recorded cameras of two renderings."""
    inputs = recorded("multiview/zero123/end_to_end")["inputs"]
    return camera(*(inputs[name] for name in ("elevation", "azimuth", "camera_distances")))


@pytest.mark.parametrize("name", POSES)
def test_a_picture_becomes_the_official_conditioning(priors, name):
    arrays, prior = recorded("multiview/zero123/end_to_end")[name], priors[name]
    conditioning = prior.condition("")
    assert_relative(conditioning.embedding, arrays["clip_embedding"][0, 0], CHAIN)
    assert_relative(conditioning.latents, latents(arrays["c_concat"], jnp.float32)[0], CHAIN)
    branches = prior.predictor(conditioning, views()).branches
    both = jnp.concatenate([branches.unconditional.context, branches.positive.context])
    assert_relative(both, arrays["context"], CHAIN)
    assert not np.any(branches.unconditional.picture)


def test_a_flat_background_costs_precision_in_single_and_not_in_double(folder, reference, x64):
    """Norms of the autoencoder divide by next to nothing where the picture is white."""
    double = Precision(jnp.float32, jnp.float64)
    found = zero123.load(folder, reference, precision=double).conditioning.latents
    expected = recorded("multiview/zero123/end_to_end")["zero123"]["c_concat"]
    assert_relative(found, latents(expected, jnp.float64)[0], 2e-5)


@pytest.mark.parametrize("name", POSES)
def test_a_rendering_gets_the_official_gradient(priors, name):
    """Resized, encoded, guided, and pulled back to the pixels; a view has a timestep of its own."""
    cases, prior = recorded("multiview/zero123/end_to_end"), priors[name]
    arrays, inputs = cases[name], cases["inputs"]
    t, noise = jnp.asarray(arrays["t"], jnp.int32), latents(inputs["noise"], jnp.float32)
    vae_noise = latents(inputs["vae_noise"], jnp.float32)

    def encode(rgb):
        return prior.encode_with(rgb, vae_noise)

    found, pull = jax.vjp(encode, jnp.asarray(inputs["rgb"]))
    assert_relative(found, latents(arrays["latents"], jnp.float32), 2e-5)
    predictor = prior.predictor(prior.condition(""), views())
    gradients = []
    for view in range(len(t)):
        one = jax.tree.map(lambda leaf, view=view: leaf[view : view + 1], views())
        predictor = prior.predictor(prior.condition(""), one)
        own = slice(view, view + 1)
        residual = sds_residual(
            prior.schedule,
            predictor,
            found[own],
            t[view],
            noise[own],
            guidance_scale=float(arrays["scale"]),
        )
        gradients.append(residual.gradient)
    gradient = jnp.concatenate(gradients) / len(t)
    assert_relative(gradient, latents(arrays["dloss_dlatents"], jnp.float32), 1e-4)
    assert_relative(pull(gradient)[0], arrays["dloss_drgb"], 1e-4)


@pytest.mark.parametrize("name", POSES)
def test_both_branches_are_the_official_ones(priors, name):
    cases, prior = recorded("multiview/zero123/end_to_end"), priors[name]
    arrays, inputs = cases[name], cases["inputs"]
    t = jnp.asarray(arrays["t"], jnp.int32)
    x, noise = (latents(values, jnp.float32) for values in (arrays["latents"], inputs["noise"]))
    for view in range(len(t)):
        one = jax.tree.map(lambda leaf, view=view: leaf[view : view + 1], views())
        alpha, sigma = prior.schedule.alpha(t[view]), prior.schedule.sigma(t[view])
        x_t = alpha * x[view : view + 1] + sigma * noise[view : view + 1]
        found = prior.predictor(prior.condition(""), one).predict_branches(x_t, t[view])
        for branch, key in (("cond", "eps_cond"), ("uncond", "eps_uncond")):
            expected = latents(arrays[key], jnp.float32)[view : view + 1]
            assert_relative(getattr(found, branch), expected, CHAIN)


def test_a_sample_is_the_official_one(priors):
    arrays = recorded("multiview/zero123/end_to_end")["sampling"]
    prior = priors["zero123"]
    own = camera(*(arrays[name] for name in ("elevation", "azimuth", "camera_distances")))
    predictor = prior.predictor(prior.condition(""), own)
    scale = float(arrays["scale"])
    sample = ddim_sample(
        lambda x, t: predictor(x, t, scale),
        prior.schedule,
        latents(arrays["latents_init"], jnp.float32),
        int(arrays["num_inference_steps"]),
        spacing="leading",
    )
    assert_relative(sample, latents(arrays["latents_final"], jnp.float32), 2e-5)
    image = prior.decode(sample)[:, ::4, ::4]
    np.testing.assert_allclose(image, arrays["image_every4"], atol=1e-4)


def test_an_original_file_is_the_same_prior(folder, reference, tmp_path):
    file = zero123_file(tmp_path / "zero123-xl.safetensors")
    options = {"precision": FLOAT32, "image_size": 256}  # the .json beside it has another
    found = [zero123.load(source, reference, **options) for source in (folder, file)]
    for name in ("unet_params", "autoencoder_params", "projection_params", "conditioning"):
        jax.tree.map(np.testing.assert_array_equal, *(vars(prior)[name] for prior in found))


def test_weights_of_another_kind(folder, reference):
    """Either way, in one sentence that names the prior they are for."""
    with pytest.raises(UserError, match=r"config\.prior\.name=zero123"):
        read_diffusion(folder, TEXT_TO_IMAGE)
    with pytest.raises(UserError, match="image_encoder"):
        zero123.load(FOLDER / "tiny" / "sd1_tiny", reference)


def test_a_picture_and_weights_are_asked_for():
    """The picture is looked at before anything is downloaded."""
    table = {"image": "sdjax:red_facade.png", "mask": None, "aspect": "pad", "weights": "x"}
    zero123.PRIOR.check(table, "")
    for change, sentence in (
        ({"image": ""}, r"config\.prior\.image is empty, expected the path"),
        ({"weights": ""}, r"config\.prior\.weights is empty"),
        ({"image": "missing.png"}, r"'missing\.png' is missing, expected a picture"),
        ({"image": "sdjax:other.png"}, r"The package has no picture sdjax:other\.png"),
    ):
        with pytest.raises(UserError, match=sentence):
            zero123.PRIOR.check({**table, **change}, "")
