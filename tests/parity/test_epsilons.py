"""Small activations, so that every norm's epsilon shows: variances are about 1e-6, epsilons too."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.networks.components import deviation, small_clip, small_unet, small_vae
from tests.parity import torch_models
from tests.parity.conversion import converted
from tests.parity.torch_models import channels_first, channels_last, random, torch

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]


def pair(component, fields, folder):
    theirs = torch_models.random_model(component, fields, scale=1e-3)
    return theirs, *converted(theirs, component, fields, folder)


def test_unet(tmp_path):
    theirs, model, params = pair("unet", small_unet(), tmp_path)
    latents, context, t = random(1, 4, 4, 4, seed=1), random(1, 7, 12, seed=2), np.asarray([400])
    with torch.no_grad():
        inputs = map(torch.from_numpy, (channels_first(latents), t, context))
        expected = channels_last(theirs(*inputs).sample.numpy())
    output = jax.jit(model.apply)({"params": params}, *map(jnp.asarray, (latents, t, context)))
    assert deviation(output, expected) < 2e-5


def test_autoencoder(tmp_path):
    theirs, model, params = pair("vae", small_vae(), tmp_path)
    image = random(1, 8, 8, 3, seed=1)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(channels_first(image))).sample.numpy()
    output = jax.jit(model.apply)({"params": params}, jnp.asarray(image))
    assert deviation(output, channels_last(expected)) < 2e-5


@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
def test_clip(epsilon, tmp_path):
    fields = small_clip(layer_norm_eps=epsilon)
    theirs, model, params = pair("text_encoder", fields, tmp_path)
    ids = np.asarray([[48, 5, 7, 49]])
    with torch.no_grad():
        expected = theirs(torch.from_numpy(ids)).last_hidden_state
    output = jax.jit(model.apply)({"params": params}, jnp.asarray(ids)).last_hidden_state
    assert deviation(output, expected) < 2e-5
