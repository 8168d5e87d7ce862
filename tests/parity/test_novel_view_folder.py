"""The folder of a Zero-1-to-3 that training writes is one of diffusers' and transformers' parts; so
is the one that comes with the package."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.networks.clip.pixels import clip_pixels
from sdjax.prior_training.novel_view_model import image_size, read_view_model, write_view_model
from sdjax.priors.zero123 import image_embeddings
from sdjax.weights.shipped import shipped_folder
from tests.parity.torch_models import channels_first, diffusers, torch, transformers
from tests.prior_training.small_view import stirred, view_model

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]
NAME = "sdjax-small-view"
IS_SHIPPED = (shipped_folder().parent / NAME).is_dir()  # beside sdjax-small


@pytest.fixture(scope="module", params=["written", *["shipped"] * IS_SHIPPED])
def folder(request, tmp_path_factory):
    if request.param == "shipped":
        return shipped_folder(NAME)
    made = tmp_path_factory.mktemp("view")
    write_view_model(stirred(view_model(made)), made / "model", "float32")
    return made / "model"


@pytest.fixture(scope="module")
def model(folder):
    return read_view_model(folder)


def opened(kind, folder):
    """A part in float32, whose file has all of its weights and no others."""
    made, told = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]
    return made.float().eval()


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_the_unet_is_diffusers(folder, model):
    theirs = opened(diffusers.UNet2DConditionModel, folder / "unet")
    config = model.networks.unet.config
    x = normal(0, 2, config.sample_size, config.sample_size, config.in_channels)
    context = normal(1, 2, 1, config.cross_attention_dim)
    with torch.no_grad():
        seen = (torch.from_numpy(given) for given in (channels_first(x), context))
        expected = theirs(next(seen), torch.tensor([3, 700]), next(seen)).sample.numpy()
    params = {"params": model.params["unet"]}
    found = jax.jit(model.networks.unet.apply)(params, x, jnp.int32([3, 700]), context)
    np.testing.assert_allclose(channels_first(np.asarray(found)), expected, atol=2e-4)


def test_the_image_encoder_is_transformers(folder, model):
    theirs = opened(transformers.CLIPVisionModelWithProjection, folder / "image_encoder")
    size = image_size(model)
    images = np.random.default_rng(2).uniform(size=(2, size, size, 3)).astype(np.float32)
    pixels = clip_pixels(
        jnp.asarray(2 * images - 1), model.networks.image_encoder.config.image_size
    )
    with torch.no_grad():
        given = torch.from_numpy(channels_first(np.asarray(pixels)))
        expected = theirs(pixel_values=given).image_embeds.numpy()
    network, params = model.networks.image_encoder, model.params["image_encoder"]
    found = image_embeddings(network, params, jnp.asarray(images))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_autoencoder_is_diffusers(folder, model):
    theirs, size = opened(diffusers.AutoencoderKL, folder / "vae"), image_size(model)
    images = np.random.default_rng(3).uniform(-1, 1, (2, size, size, 3)).astype(np.float32)
    with torch.no_grad():
        expected = theirs.encode(torch.from_numpy(channels_first(images))).latent_dist.mean.numpy()
    params, network = {"params": model.params["vae"]}, model.networks.autoencoder
    found = network.apply(params, jnp.asarray(images), method="encode").mean
    np.testing.assert_allclose(channels_first(np.asarray(found)), expected, atol=2e-4)
