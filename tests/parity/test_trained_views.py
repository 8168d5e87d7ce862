"""Diffusers opens the folder that training a MVDream writes, and its UNet predicts the same once
its self-attention is told to join the views of a scene."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.camera_numbers import mvdream_camera
from sdjax.prior_training.multiview_model import with_camera, write_views_model
from sdjax.prior_training.multiview_samples import four_cameras
from tests.networks.components import random_params
from tests.parity.torch_models import channels_first, diffusers, torch
from tests.prior_training import small

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]
VIEWS = 4


class Joined:
    """An attention processor of diffusers that sees the tokens of all views of a scene at once."""

    def __init__(self, own):
        self.own = own

    def __call__(self, attention, tokens, encoder_hidden_states=None, **options):
        if encoder_hidden_states is not None:  # attention to the text
            return self.own(attention, tokens, encoder_hidden_states, **options)
        scenes = tokens.reshape(-1, VIEWS * tokens.shape[1], tokens.shape[2])
        return self.own(attention, scenes, **options).reshape(tokens.shape)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """With a camera embedding that says something, and its folder."""
    folder = tmp_path_factory.mktemp("models")
    made = with_camera(small.model(folder / "words"), jax.random.key(0))
    made = made._replace(params={**made.params, "unet": random_params(made.networks.unet, 3)})
    write_views_model(made, folder / "model", folder / "words", "float32")
    return made, folder / "model"


def test_the_unet_is_the_same(model):
    made, folder = model
    theirs = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet", local_files_only=True)
    processors = {name: Joined(own) for name, own in theirs.attn_processors.items()}
    theirs.set_attn_processor(processors)
    random = np.random.default_rng(0)
    latents = np.float32(random.normal(size=(2 * VIEWS, 4, 4, 3)))
    text = np.float32(random.normal(size=(2 * VIEWS, 5, 8)))
    camera = np.tile(np.asarray(mvdream_camera(four_cameras(20.0, 10.0))), (2, 1))
    t = np.repeat([700, 31], VIEWS)
    with torch.no_grad():
        expected = theirs(
            torch.from_numpy(channels_first(latents)),
            torch.from_numpy(t),
            torch.from_numpy(text),
            class_labels=torch.from_numpy(np.array(camera)),
        ).sample.numpy()
    unet = made.networks.unet.clone(frames=VIEWS)
    params = {"params": made.params["unet"]}
    ours = jax.jit(unet.apply)(params, latents, jnp.asarray(t), text, camera=camera)
    np.testing.assert_allclose(channels_first(np.asarray(ours)), expected, atol=1e-4)
    other = jax.jit(unet.apply)(params, latents, jnp.asarray(t), text, camera=np.roll(camera, 1, 0))
    assert np.abs(ours - other).max() > 0.01


def test_every_part_opens(model):
    made, folder = model
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    numbers = sum(leaf.size for leaf in jax.tree.leaves(made.params["unet"]))
    assert pipeline.unet.num_parameters() == numbers
    assert pipeline.scheduler.config.prediction_type == "v_prediction"
