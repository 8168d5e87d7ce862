"""Policies of rematerialisation: their names, what they keep, and that values stay."""

import functools

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from sdjax.config.errors import UserError
from sdjax.config.tables import check
from sdjax.networks.rematerialisation import POLICIES, REMAT, rematerialised
from sdjax.runs.schema import load_config, of_former_version

X = jax.random.normal(jax.random.key(0), (2, 6, 6, 4))


class Block(nn.Module):
    """A convolution, attention of the rows, a product; with what lies between."""

    @nn.compact
    def __call__(self, x):
        x = jax.nn.silu(nn.Conv(4, (3, 3))(x))
        logits = jnp.einsum("bhwc,bkwc->bwhk", x, x)
        x = jnp.einsum("bwhk,bkwc->bhwc", jax.nn.softmax(logits), x)
        return jax.nn.silu(nn.Dense(8)(x))


@functools.cache
def with_gradient(policy):
    block = rematerialised(Block, policy)()
    params = Block().init(jax.random.key(1), X)
    function = jax.value_and_grad(lambda x: jnp.sum(block.apply(params, x) ** 2))
    return jax.jit(function)(X), str(jax.make_jaxpr(function)(X))


@pytest.mark.parametrize("policy", [*POLICIES, True, False])
def test_values_and_gradients_are_the_same(policy):
    (value, gradient), _ = with_gradient(policy)
    (expected, expected_gradient), _ = with_gradient("none")
    assert abs(value - expected) < 1e-5 * abs(expected)
    assert jnp.allclose(gradient, expected_gradient, atol=1e-5)


@pytest.mark.parametrize(
    ("policy", "convolutions", "products"),
    [
        ("none", 2, 8),
        ("products", 2, 9),
        ("blocks", 3, 11),
    ],
)
def test_what_is_computed_again(policy, convolutions, products):
    """1 convolution and 3 products, and 1 and 5 for the gradient; `products` computes the logits
    again, which do not depend on weights, and `blocks` all."""
    program = with_gradient(policy)[1]
    counted = program.count("conv_general_dilated["), program.count("dot_general[")
    assert counted == (convolutions, products)


def test_former_settings_keep_their_meaning():
    assert [REMAT.convert(value) for value in (False, True)] == ["none", "blocks"]
    assert [REMAT.parse(text) for text in ("True", "false", "products")] == [
        "blocks",
        "none",
        "products",
    ]
    assert with_gradient(True)[1] == with_gradient("blocks")[1]


@pytest.mark.parametrize("value", [1, None, "block", "every"])
def test_other_names_are_refused_with_the_nearest(value):
    with pytest.raises(UserError, match="expected one of none, products, blocks") as error:
        check("prior.remat", value, REMAT)
    assert value != "block" or "did you mean 'blocks'" in str(error.value)


@pytest.mark.parametrize(("stored", "name"), [(False, "none"), (True, "blocks"), ("products",) * 2])
def test_configurations_of_former_runs_are_read(stored, name):
    table = load_config("stable_diffusion_3d:sds").to_dict()
    table["prior"]["remat"] = stored
    assert of_former_version(table).prior.remat == name
