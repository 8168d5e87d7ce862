"""Policies of rematerialisation: their names, what they keep, and that values stay."""

import functools

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from sdjax.config.errors import UserError
from sdjax.config.tables import check
from sdjax.networks.attention import Attention
from sdjax.networks.layers import Layers
from sdjax.networks.rematerialisation import POLICIES, REMAT, policy_of, rematerialised
from sdjax.runs.schema import load_config, of_former_version

X = jax.random.normal(jax.random.key(0), (2, 6, 6, 4))


class Block(nn.Module):
    """Convolutions of both sizes, attention, and what lies between."""

    @nn.compact
    def __call__(self, x):
        layers = Layers()
        x = jax.nn.silu(layers.conv(4, 1)(jax.nn.silu(layers.conv(4)(x))))
        tokens = x.reshape(len(x), -1, 4)
        x = (tokens + Attention(layers, 2)(tokens)).reshape(x.shape)
        return jax.nn.silu(layers.conv(4)(x))


@functools.cache
def with_gradient(policy):
    block = rematerialised(Block, policy)()
    params = Block().init(jax.random.key(1), X)
    function = jax.value_and_grad(lambda x: jnp.sum(block.apply(params, x) ** 2))
    compiled = jax.jit(function).lower(X).compile()
    return compiled(X), compiled.as_text()


@pytest.mark.parametrize("policy", POLICIES)
def test_values_and_gradients_are_the_same(policy):
    (value, gradient), _ = with_gradient(policy)
    (expected, expected_gradient), _ = with_gradient("none")
    assert abs(value - expected) < 1e-5 * abs(expected)
    assert jnp.allclose(gradient, expected_gradient, atol=1e-5)


def counted(policy):
    program = with_gradient(policy)[1]
    return program.count(" convolution("), program.count(" dot(")


def test_what_is_computed_again():
    """Forward 2 convolutions, one of size 1, 4 products with weights and 2 of attention; backward
    as many, and 4 of attention.  `products` computes the logits again (one product, which some
    versions of XLA find to be there), and `blocks` everything but what the gradient begins with."""
    assert counted("none") == (4, 16)
    assert counted("products") in ((4, 16), (4, 17))
    assert counted("blocks") in ((5, 23), (6, 23))  # JAX 0.12 has one convolution more


def test_former_settings_keep_their_meaning():
    assert [REMAT.convert(value) for value in (False, True)] == ["none", "blocks"]
    assert [REMAT.parse(text) for text in ("True", "false", "products")] == [
        "blocks",
        "none",
        "products",
    ]
    assert [policy_of(value) for value in (False, True)] == ["none", "blocks"]


@pytest.mark.parametrize("given", ["1", "[1]", "{}", "0", ""])
def test_no_other_text_of_the_command_line_is_read(given):
    with pytest.raises(UserError, match="expected one of none, products, blocks"):
        check("prior.remat", REMAT.parse(given), REMAT)


@pytest.mark.parametrize("value", ["1", "block", ""])
def test_a_network_is_made_with_no_other(value):
    with pytest.raises(UserError, match=r"^remat is .*, expected one of none, products, blocks"):
        policy_of(value)


@pytest.mark.parametrize("value", [1, None, "block", "every", [1], {}])
def test_other_names_are_refused_with_the_nearest(value):
    with pytest.raises(UserError, match="expected one of none, products, blocks") as error:
        check("prior.remat", value, REMAT)
    assert value != "block" or "did you mean 'blocks'" in str(error.value)


@pytest.mark.parametrize(("stored", "name"), [(False, "none"), (True, "blocks"), ("products",) * 2])
def test_configurations_of_former_runs_are_read(stored, name):
    table = load_config("stable_diffusion_3d:sds").to_dict()
    table["prior"]["remat"] = stored
    assert of_former_version(table).prior.remat == name
