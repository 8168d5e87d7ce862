"""The networks at their published sizes have the tensors of the published files, no others.

`tests/data/configs/tensors` holds the names and shapes that diffusers and transformers give the
configurations beside it (tests/parity asks them again).
"""

import json
import math

import pytest
from flax.traverse_util import flatten_dict

from sdjax.networks.parameters import parameter_shapes
from sdjax.weights.layout import torch_tensor
from tests.networks.components import REAL, network, real_fields

MODELS = [
    ("sd15", "unet", "unet_sd1", 859_520_964),
    ("sd15", "vae", "vae", 83_653_863),
    ("sd15", "text_encoder", "text_encoder_sd1", 123_060_480),
    ("sd21_base", "unet", "unet_sd2", 865_910_724),
    ("sd21_base", "vae", "vae", 83_653_863),
    ("sd21_base", "text_encoder", "text_encoder_sd2", 340_387_840),
    ("sd21", "unet", "unet_sd2", 865_910_724),
    ("sd21", "vae", "vae", 83_653_863),
    ("sd21", "text_encoder", "text_encoder_sd2", 340_387_840),
    ("clip_vit_large", "image_encoder", "image_encoder", 303_966_208),
]


def our_tensors(model: str, component: str) -> dict[str, tuple[int, ...]]:
    flat = flatten_dict(parameter_shapes(network(component, real_fields(model, component))))
    tensors = [torch_tensor(path, leaf.shape) for path, leaf in flat.items()]
    assert len({tensor.name for tensor in tensors}) == len(tensors)
    return {tensor.name: tensor.shape for tensor in tensors}


def recorded_tensors(file: str) -> dict[str, tuple[int, ...]]:
    tree = json.loads((REAL / "tensors" / f"{file}.json").read_text())
    return {".".join(path): tuple(shape) for path, shape in flatten_dict(tree).items()}


@pytest.mark.slow
@pytest.mark.parametrize(("model", "component", "file", "parameters"), MODELS)
def test_names_and_shapes_are_those_of_the_published_files(model, component, file, parameters):
    ours = our_tensors(model, component)
    assert ours == recorded_tensors(file)
    assert sum(math.prod(shape) for shape in ours.values()) == parameters
