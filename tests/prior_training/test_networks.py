"""The tables of networks, and parameters to start from."""

import jax
import numpy as np
import pytest

from sdjax.networks.parameters import parameter_shapes
from sdjax.prior_training.networks import initial_params, networks, unet_table
from tests.prior_training.small import LENGTH, SIZE, tables

pytestmark = pytest.mark.usefixtures("quick_compilation")
VOCABULARY = 300
MADE = networks(tables(VOCABULARY))


@pytest.fixture(scope="module")
def params():
    return initial_params(jax.random.key(0), MADE.text)


def leaves_of(params):
    """Pairs of the last name and the leaf."""
    return [(path[-1].key, leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(params)]


def test_the_networks_fit_each_other():
    latents = MADE.autoencoder.config
    assert MADE.unet.config.in_channels == MADE.unet.config.out_channels == latents.latent_channels
    assert MADE.unet.config.cross_attention_dim == MADE.text.config.encoder.hidden_size
    assert MADE.unet.config.sample_size * latents.factor == latents.sample_size == SIZE
    assert MADE.text.config.vocab_size == VOCABULARY
    assert MADE.text.config.max_position_embeddings == LENGTH
    assert latents.scaling_factor == 1.0


@pytest.mark.long
def test_levels_with_and_without_text():
    table = unet_table((8, 16, 16), 1, (1, 2, 2), 4, (False, True, True), (8, 3), 12)
    down = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"]
    up = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]
    assert (table["down_block_types"], table["up_block_types"]) == (down, up)
    shapes = parameter_shapes(networks(tables(VOCABULARY)._replace(unet=table)).unet)
    assert "attentions_0" not in shapes["down_blocks_0"] and "attentions_0" in shapes["up_blocks_0"]


@pytest.mark.slow
def test_parameters_start_with_flaxs_variances(params):
    """Of kernels 1 / inputs, of embeddings 1 / width; biases 0, norms 1."""
    for name, leaf in leaves_of(params):
        assert leaf.dtype == np.float32
        if name in ("bias", "scale"):
            np.testing.assert_array_equal(leaf, float(name == "scale"))
            continue
        inputs = leaf.shape[-1] if name == "embedding" else np.prod(leaf.shape[:-1])
        deviations = 5 / np.sqrt(2 * leaf.size)  # of the estimate
        assert float(leaf.std() * np.sqrt(inputs)) == pytest.approx(1.0, abs=deviations)
        assert abs(float(leaf.mean() * np.sqrt(inputs))) < 5 / np.sqrt(leaf.size)


def test_parameters_have_the_shapes_of_the_network(params):
    shapes = jax.tree.map(lambda leaf: leaf.shape, params)
    assert shapes == jax.tree.map(lambda leaf: leaf.shape, parameter_shapes(MADE.text))


def test_parameters_depend_on_the_key_and_differ_from_each_other(params):
    again, other = (initial_params(jax.random.key(k), MADE.text) for k in (0, 1))
    for (name, one), (_, same), (_, new) in zip(
        *map(leaves_of, (params, again, other)), strict=True
    ):
        np.testing.assert_array_equal(one, same)
        assert name in ("bias", "scale") or not np.array_equal(one, new)
    kernels = [leaf.ravel()[:4].tolist() for name, leaf in leaves_of(params) if name == "kernel"]
    assert len({tuple(kernel) for kernel in kernels}) == len(kernels)
