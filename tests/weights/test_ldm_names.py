"""Names and shapes of the published models in the two layouts; no tensor is made."""

import dataclasses
import functools
import gzip
import json

import pytest
from flax.traverse_util import flatten_dict

from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.clip.config import TextConfig, VisionConfig
from sdjax.networks.clip.vision import CLIPVision
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.weights.layout import torch_tensor
from sdjax.weights.ldm import inferred
from sdjax.weights.ldm.autoencoder_names import autoencoder_pieces
from sdjax.weights.ldm.clip_names import image_pieces
from sdjax.weights.ldm.first_stage import first_stage_fields
from sdjax.weights.ldm.folder_names import folder_pieces
from sdjax.weights.ldm.pieces import shapes_of_pieces
from sdjax.weights.ldm.unet_names import unet_pieces
from tests import reference
from tests.networks.components import real_fields
from tests.networks.test_real_sizes import recorded_tensors

FOLDER = reference.FOLDER / "multiview"
UNET, FIRST_STAGE = "model.diffusion_model.", "first_stage_model."
IMAGE = "cond_stage_model.model.visual."


@functools.cache
def recorded(model: str) -> dict:
    with gzip.open(FOLDER / "names" / f"{model}_full.json.gz") as file:
        return json.load(file)


def converted(stored: dict, prefix: str, renamed) -> dict:
    """The names and shapes that tensors of an original checkpoint have here."""
    shapes = {name.removeprefix(prefix): tuple(shape) for name, shape in stored.items()}
    pieces = renamed(shapes)
    new = shapes_of_pieces(shapes.items(), pieces)
    assert len(new) == sum(map(len, pieces.values()))  # no two have one name
    return new


def of_network(network) -> dict:
    """The names and shapes that the network's parameters have in PyTorch."""
    flat = flatten_dict(parameter_shapes(network))
    tensors = [torch_tensor(path, leaf.shape) for path, leaf in flat.items()]
    return {tensor.name: tensor.shape for tensor in tensors}


def tuples(shapes: dict) -> dict:
    return {name: tuple(shape) for name, shape in shapes.items()}


MVDREAM = [name for name, model in recorded("mvdream").items() if isinstance(model, dict)]


@pytest.mark.slow
@pytest.mark.parametrize("variant", MVDREAM)
def test_every_tensor_of_mvdream_has_a_parameter_and_every_parameter_a_tensor(variant):
    model = recorded("mvdream")[variant]
    config = UNetConfig.from_ldm(model["unet_config"])
    unet = converted(model["unet"], UNET, unet_pieces)
    assert unet == of_network(UNet2DCondition(config, frames=4))
    assert UNetConfig.from_dict(inferred.unet_fields(unet)) == config

    fields = first_stage_fields(model["first_stage_config"]["ddconfig"])
    autoencoder = AutoencoderConfig.from_dict(fields)
    first_stage = converted(model["first_stage"], FIRST_STAGE, autoencoder_pieces)
    assert first_stage == of_network(AutoencoderKL(autoencoder))
    assert AutoencoderConfig.from_dict(inferred.autoencoder_fields(first_stage)) == autoencoder


@pytest.mark.slow
def test_every_tensor_of_zero123_has_a_parameter_and_every_parameter_a_tensor():
    model = recorded("zero123")
    original, diffusers = model["original_checkpoint"], model["diffusers_layout"]
    parts = {
        "unet": (UNET, unet_pieces, UNet2DCondition, UNetConfig, inferred.unet_fields),
        "first_stage": (
            FIRST_STAGE,
            autoencoder_pieces,
            AutoencoderKL,
            AutoencoderConfig,
            inferred.autoencoder_fields,
        ),
        "clip_image_tower": (
            IMAGE,
            image_pieces,
            CLIPVision,
            VisionConfig,
            inferred.image_fields,
        ),
    }
    components = {"unet": "unet", "first_stage": "vae", "clip_image_tower": "image_encoder"}
    for part, (prefix, pieces, network, config, fields) in parts.items():
        component = components[part]
        here = converted(original[part], prefix, pieces)
        said = model[f"{component}_config"]
        if component == "image_encoder":
            said = {"architectures": ["CLIPVisionModelWithProjection"], **said}
        read = config.from_dict(said)
        assert here == tuples(diffusers[component])
        assert here == of_network(network(read))
        assert config.from_dict(fields(here)) == read


def test_the_projection_has_one_name_here_whatever_it_is_called():
    model = recorded("zero123")
    layouts = model["diffusers_layout"]
    stored = [model["original_checkpoint"]["cc_projection"]]
    stored += [shapes for name, shapes in layouts.items() if "projection" in name]
    assert len(stored) == 3
    for shapes in map(tuples, stored):
        here = shapes_of_pieces(shapes.items(), folder_pieces(shapes))
        assert here == {name.rpartition(".")[2]: shape for name, shape in shapes.items()}


def test_the_unet_is_renamed_as_by_the_official_conversions():
    tiny = FOLDER / "zero123" / "tiny" / "unet" / "ldm_to_diffusers_names.json"
    for names in (recorded("zero123")["unet_ldm_to_diffusers"], json.loads(tiny.read_text())):
        pieces = unet_pieces([name.removeprefix(UNET) for name in names])
        ours = {UNET + name: piece.name for name, (piece,) in pieces.items()}
        assert ours == names


@pytest.mark.parametrize(
    ("model", "tensors"), [("sd15", "text_encoder_sd1"), ("sd21_base", "text_encoder_sd2")]
)
def test_the_text_encoder_that_tensors_show(model, tensors):
    fields = inferred.text_fields(recorded_tensors(tensors), open_clip=model == "sd21_base")
    read = TextConfig.from_dict(fields)
    said = TextConfig.from_dict(real_fields(model, "text_encoder"))
    assert read.encoder == said.encoder
    assert read.max_position_embeddings == said.max_position_embeddings
    assert read.eos_token_id == read.vocab_size - 1 == said.vocab_size - 1


@pytest.mark.parametrize(("model", "tensors"), [("sd15", "unet_sd1"), ("sd21_base", "unet_sd2")])
def test_the_unet_that_tensors_show(model, tensors):
    said = UNetConfig.from_dict(real_fields(model, "unet"))
    read = UNetConfig.from_dict(inferred.unet_fields(recorded_tensors(tensors)))
    assert dataclasses.replace(read, sample_size=said.sample_size) == said


def test_unknown_names_stay_as_they_are():
    for pieces in (unet_pieces, autoencoder_pieces, image_pieces):
        assert [piece.name for piece in pieces(["lost.weight"])["lost.weight"]] == ["lost.weight"]


def test_folders_of_diffusers_are_read_as_they_are():
    assert folder_pieces(recorded("zero123")["diffusers_layout"]["unet"]) is None
    assert folder_pieces({"weight", "bias"}) is None
