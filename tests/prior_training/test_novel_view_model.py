"""A Zero-1-to-3 before its first step, and its files, as the prior reads them."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.config.errors import UserError
from sdjax.networks.projection import ProjectionConfig
from sdjax.prior_training.image_encoder import read_image_encoder, vision_table
from sdjax.prior_training.novel_view_model import (
    identity,
    image_size,
    is_written,
    read_view_model,
    write_view_model,
)
from sdjax.priors import zero123
from sdjax.priors.parts import Precision
from sdjax.priors.reference import Reference
from tests.prior_training import small
from tests.prior_training.small_view import CLIP, clip_folder, stirred, view_model

FLOAT32 = Precision(jnp.float32, jnp.float32)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return view_model(tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def folder(start, tmp_path_factory):
    """Of a model whose every parameter matters."""
    written = tmp_path_factory.mktemp("models") / "model"
    write_view_model(stirred(start), written, "float32")
    return written


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


@pytest.mark.slow
def test_at_first_the_unet_is_the_starting_models(start, tmp_path):
    """Whatever the picture's latents are."""
    text_to_image = small.model(tmp_path)
    side = small.SIZE // 2
    x_t, picture, context = (
        normal(0, 2, side, side, 3),
        normal(1, 2, side, side, 3),
        normal(2, 2, 1, 8),
    )
    t = jnp.int32([3, 700])
    own = {"params": text_to_image.params["unet"]}
    expected = jax.jit(text_to_image.networks.unet.apply)(own, x_t, t, context)
    both = jnp.concatenate([x_t, picture], -1)
    found = jax.jit(start.networks.unet.apply)({"params": start.params["unet"]}, both, t, context)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert float(jnp.abs(expected).max()) > 0.1


@pytest.mark.parametrize(("embedding", "width"), [(6, 8), (8, 8), (9, 6)])
def test_the_projection_passes_on_the_embedding_and_no_pose(embedding, width):
    params = identity(ProjectionConfig(embedding + 4, width))
    x = normal(3, 2, embedding + 4)
    found = x @ params["kernel"] + params["bias"][None]
    shared = min(embedding, width)
    np.testing.assert_allclose(found[:, :shared], x[:, :shared], rtol=1e-6)
    assert found.shape == (2, width) and not np.any(found[:, shared:])


@pytest.mark.slow
def test_all_else_is_the_starting_models(start, tmp_path):
    text_to_image = small.model(tmp_path)
    jax.tree.map(np.testing.assert_array_equal, start.params["vae"], text_to_image.params["vae"])
    assert start.tables["scheduler"] == text_to_image.tables.scheduler
    assert start.tables["unet"] == {**text_to_image.tables.unet, "in_channels": 6}
    assert image_size(start) == small.SIZE


@pytest.mark.slow
def test_what_is_written_is_read_bit_for_bit(start, folder):
    again, model = read_view_model(folder), stirred(start)
    assert is_written(folder) and again.tables == model.tables
    assert again.networks == model.networks
    assert jax.tree.structure(again.params) == jax.tree.structure(model.params)
    jax.tree.map(np.testing.assert_array_equal, again.params, model.params)


@pytest.mark.slow
def test_the_prior_reads_it(start, folder):
    """Its networks on its pictures, as the prior of a picture has them."""
    image = jnp.asarray(
        np.random.default_rng(0).uniform(size=(small.SIZE, small.SIZE, 3)), jnp.float32
    )
    zero = jnp.zeros(1)
    own = Reference(
        image, jnp.ones((small.SIZE, small.SIZE, 1)), Camera(zero, zero, zero + 3, zero + 40)
    )
    prior = zero123.load(folder, lambda size: own, precision=FLOAT32)
    model = stirred(start)
    encode = {"params": model.params["vae"]}
    posterior = model.networks.autoencoder.apply(encode, 2 * image[None] - 1, method="encode")
    np.testing.assert_allclose(prior.conditioning.latents, posterior.mean[0], atol=1e-4)
    jax.tree.map(np.testing.assert_array_equal, prior.unet_params, model.params["unet"])
    params = model.params["cc_projection"]
    jax.tree.map(np.testing.assert_array_equal, prior.projection_params, params)
    assert prior.prediction_type == "v_prediction" and prior.image_size == small.SIZE


def test_the_layout(folder):
    index = json.loads((folder / "model_index.json").read_text())
    components = {name for name in index if not name.startswith("_")}
    assert components == {path.name for path in folder.iterdir() if path.is_dir()}
    sizes = json.loads((folder / "cc_projection" / "config.json").read_text())
    assert (sizes["in_channel"], sizes["out_channel"]) == (CLIP["projection_dim"] + 4, 8)


def test_an_image_encoder_of_a_whole_clip():
    """The configuration of its part about images is taken, with the width of its projection."""
    own = {name: value for name, value in CLIP.items() if name != "architectures"}
    whole = {"model_type": "clip", "projection_dim": 6, "vision_config": own, "text_config": {}}
    assert vision_table(whole) == CLIP
    assert vision_table(CLIP) is CLIP


def test_an_image_encoder_as_a_part_of_a_model(tmp_path):
    clip_folder(tmp_path / "model" / "image_encoder")
    assert read_image_encoder(tmp_path / "model").table == CLIP


def test_no_image_encoder_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"config\.json"):
        read_image_encoder(tmp_path)
    folder = clip_folder(tmp_path / "clip")
    (folder / "config.json").write_text(json.dumps({**CLIP, "architectures": ["CLIPVisionModel"]}))
    with pytest.raises(UserError, match="has no projection, expected a CLIPModel"):
        read_image_encoder(folder)
