"""The recorded tiny checkpoints, which diffusers and transformers saved, in our networks."""

import json

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from sdjax.config.errors import UserError
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.clip.config import TextConfig
from sdjax.networks.clip.text import CLIPText
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.weights.files import weight_files
from sdjax.weights.load import load_params, save_params
from tests import reference

MODELS = ("sd1_tiny", "sd2_tiny")
KINDS = {
    "unet": (UNetConfig, UNet2DCondition),
    "vae": (AutoencoderConfig, AutoencoderKL),
    "text_encoder": (TextConfig, CLIPText),
}


def folder(model, component):
    return reference.FOLDER / "tiny" / model / component


def template(model, component):
    settings = json.loads((folder(model, component) / "config.json").read_text())
    config, network = KINDS[component]
    return parameter_shapes(network(config.from_dict(settings)))


@pytest.mark.slow
@pytest.mark.parametrize("component", KINDS)
@pytest.mark.parametrize("model", MODELS)
def test_a_checkpoint_fills_its_network_and_is_saved_again(model, component, tmp_path):
    shapes = template(model, component)
    params = load_params(shapes, folder(model, component))
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), params) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), shapes
    )
    (original,) = weight_files(folder(model, component))
    saved = load_file(save_params(params, tmp_path, original.name))
    recorded = load_file(original)
    assert saved.keys() == recorded.keys()
    for name, tensor in recorded.items():
        np.testing.assert_array_equal(saved[name], tensor)


@pytest.mark.slow
def test_weights_of_another_version_are_listed():
    """SD 1 projects by convolutions, SD 2 by matrices, and widths differ."""
    with pytest.raises(UserError) as caught:
        load_params(template("sd2_tiny", "unet"), folder("sd1_tiny", "unet"))
    first, *lines = str(caught.value).splitlines()
    assert "holds weights of another network than its configuration describes" in first
    assert "  down_blocks.0.attentions.0.proj_in.weight [24, 24, 1, 1], expected [16, 16]" in lines
    assert any(line.startswith("  down_blocks.2.resnets.0.conv1.weight") for line in lines)
