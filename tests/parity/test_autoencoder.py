"""Our autoencoder beside diffusers' on random weights, in a configuration that is not recorded."""

import pytest

from tests.networks.components import small_vae
from tests.parity import torch_models
from tests.parity.comparisons import compare_autoencoders
from tests.parity.conversion import converted

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]

FIELDS = small_vae(layers_per_block=2, latent_channels=6)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    theirs = torch_models.random_model("vae", FIELDS)
    return theirs, *converted(theirs, "vae", FIELDS, tmp_path_factory.mktemp("vae"))


@pytest.mark.parametrize("way", ["encode", "decode"])
def test_output_and_gradient_match_diffusers(pair, way):
    compare_autoencoders(*pair, way, (12, 8))
