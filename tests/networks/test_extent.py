"""A network is not larger than the tensors that there are."""

import pytest
from flax.traverse_util import flatten_dict

from sdjax.config.errors import UserError
from sdjax.networks.extent import Extent, check_extent
from sdjax.networks.parameters import parameter_shapes
from sdjax.weights.layout import torch_tensor
from sdjax.weights.template import checked_template
from tests.networks.components import network, small_clip, small_unet, small_vae

FIELDS = {"unet": small_unet, "vae": small_vae, "text_encoder": small_clip}
UNETS = {
    "one": {},
    "deep": {"transformer_layers_per_block": [2, 3], "layers_per_block": [2, 1]},
    "attends below": {
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    },
    "attends above": {"down_block_types": ["DownBlock2D"] * 2},
}


def shapes_of(model):
    """As a file would have them."""
    tensors = (torch_tensor(path, leaf.shape) for path, leaf in flatten_dict(model).items())
    return {tensor.name: tensor.shape for tensor in tensors}


@pytest.mark.parametrize("component", FIELDS)
def test_a_network_is_as_large_as_itself(component):
    model = network(component, FIELDS[component]())
    shapes = shapes_of(parameter_shapes(model))
    assert model.config.extent.tensors <= len(shapes)
    assert shapes_of(checked_template(model, shapes, "It")) == shapes


@pytest.mark.parametrize("case", UNETS)
def test_the_bound_of_a_unet_is_about_half_of_its_tensors(case):
    model = network("unet", small_unet(**UNETS[case]))
    count = len(shapes_of(parameter_shapes(model)))
    assert 0.5 * count <= model.config.extent.tensors <= count


@pytest.mark.parametrize(
    ("component", "change", "words"),
    [
        ("unet", {"layers_per_block": 1000}, "asks for 80040 or more; take both from"),
        ("unet", {"transformer_layers_per_block": 1000}, "asks for"),
        ("vae", {"layers_per_block": 1000}, "asks for"),
        ("text_encoder", {"num_hidden_layers": 1000}, "asks for 16000 or more"),
        ("unet", {"cross_attention_dim": 2**20}, "has cross_attention_dim 1048576"),
        ("unet", {"block_out_channels": [8, 2**18]}, "block_out_channels 262144"),
        ("vae", {"latent_channels": 2**20}, "latent_channels 1048576; take both"),
        ("text_encoder", {"vocab_size": 2**20}, "holds no tensor wider than 50"),
    ],
)
def test_a_larger_one_is_refused_before_it_is_built(component, change, words, monkeypatch):
    shapes = shapes_of(parameter_shapes(network(component, FIELDS[component]())))
    larger = network(component, FIELDS[component](**change))
    monkeypatch.setattr(type(larger), "init", lambda *_: pytest.fail("it is built"))
    with pytest.raises(UserError, match=words):
        checked_template(larger, shapes, "It")


def test_no_tensors_at_all():
    with pytest.raises(UserError, match="holds 0 tensors, while its configuration asks for 1"):
        check_extent(Extent(1, {}), {}, "It")
