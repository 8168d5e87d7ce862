"""Adapters beside merged kernels, on the small UNet with random weights."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import traverse_util

from sdjax.config.errors import UserError
from sdjax.networks.attention import Attention
from sdjax.networks.layers import Layers
from sdjax.networks.lora.adapters import adapted_apply, init_adapters, merged
from sdjax.networks.parameters import parameter_shapes
from tests.networks.components import deviation, network, random_params, real_fields, small_unet

pytestmark = pytest.mark.usefixtures("quick_compilation")


def unet_inputs():
    latents, context = (jax.random.key(i) for i in range(2))
    return (
        jax.random.normal(latents, (2, 4, 4, 4)),
        jnp.asarray([3, 700]),
        jax.random.normal(context, (2, 5, 12)),
    )


def attention_inputs():
    x, context = (jax.random.key(i) for i in range(2))
    return jax.random.normal(x, (2, 6, 8)), jax.random.normal(context, (2, 5, 12))


class Lone(nn.Module):
    """One attention layer, under the name that it has in a network."""

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x, context):
        return Attention(Layers(self.dtype, self.dtype), 2, name="attn2")(x, context)


@functools.cache
def setting(name):
    """A model, its parameters, adapters of which both factors matter, and inputs."""
    if name == "attention":
        model, inputs = Lone(), attention_inputs()
        params = model.init(jax.random.key(0), *inputs)["params"]
    else:
        model, inputs = network("unet", small_unet(), remat="blocks"), unet_inputs()
        params = random_params(model)
    adapters = init_adapters(jax.random.key(2), params, 3)
    draw = lambda leaf: 0.1 * np.random.default_rng(leaf.size).normal(size=leaf.shape)  # noqa: E731
    adapters = jax.tree.map(lambda leaf: leaf + jnp.float32(draw(leaf)), adapters)
    return model, params, adapters, inputs


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["attention", pytest.param("UNet with rematerialisation", marks=pytest.mark.long)],
)
def test_adapters_do_what_merged_kernels_do_and_so_do_their_gradients(name):
    model, params, adapters, inputs = setting(name)

    def running(adapters):
        output = adapted_apply(model, params, adapters, *inputs, scale=0.7)
        return jnp.sum(output**2), output

    def with_merged(adapters):
        output = model.apply({"params": merged(params, adapters, 0.7)}, *inputs)
        return jnp.sum(output**2), output

    (ours, output), (theirs, expected) = (
        jax.jit(jax.grad(f, has_aux=True))(adapters) for f in (running, with_merged)
    )
    assert deviation(output, expected) < 1e-5
    assert all(bool(jnp.any(leaf != 0)) for leaf in jax.tree.leaves(ours))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert deviation(a, b) < 2e-5


def test_fresh_adapters_and_scale_zero_are_the_network_itself():
    model, params, adapters, inputs = setting("attention")
    plain = model.apply({"params": params}, *inputs)
    fresh = init_adapters(jax.random.key(0), params)
    for given, scale, same in ((fresh, 1.0, True), (adapters, 0.0, True), (adapters, 1.0, False)):
        ours = adapted_apply(model, params, given, *inputs, scale=scale)
        assert (deviation(ours, plain) < 1e-6) == same


@pytest.mark.slow
def test_they_are_diffusers_initial_values():
    """down: standard deviation 1 / rank; up: 0."""
    _, params, *_ = setting("UNet with rematerialisation")
    flat = traverse_util.flatten_dict(init_adapters(jax.random.key(0), params, 4))
    down = np.concatenate([leaf.ravel() for path, leaf in flat.items() if path[-1] == "down"])
    assert abs(down.std() * 4 - 1.0) < 5 / (2 * down.size) ** 0.5
    assert all(not leaf.any() for path, leaf in flat.items() if path[-1] == "up")


@pytest.mark.slow
def test_stable_diffusion_has_as_many_as_published():
    """Rank 4 on all attention of Stable Diffusion 1.5: the 797,184 numbers of its LoRA files."""
    shapes = parameter_shapes(network("unet", real_fields("sd15", "unet")))
    adapters = jax.eval_shape(functools.partial(init_adapters, params=shapes), jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(adapters)) == 797_184
    assert len(jax.tree.leaves(adapters)) == 32 * 4 * 2


@pytest.mark.long
def test_small_adapters_survive_bfloat16_where_merged_kernels_lose_them():
    """The change by adapters a hundredth of the above, of a network in bfloat16."""
    model, params, adapters, inputs = setting("attention")
    adapters = jax.tree.map(lambda leaf: 0.1 * leaf, adapters)
    low = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    after = traverse_util.flatten_dict(merged(low, adapters))
    kept = [np.mean(after[path] == leaf) for path, leaf in traverse_util.flatten_dict(low).items()]
    assert np.mean(kept) > 0.5

    def gradient(params, model):
        ours = lambda adapters: adapted_apply(model, params, adapters, *inputs)  # noqa: E731
        return jax.grad(lambda a: jnp.sum(ours(a).astype(jnp.float32) ** 2))(adapters)

    exact, rounded = gradient(params, model), gradient(low, Lone(jnp.bfloat16))
    for a, b in zip(jax.tree.leaves(rounded), jax.tree.leaves(exact), strict=True):
        assert a.dtype == jnp.float32 and deviation(a, b) < 0.05


@pytest.mark.parametrize(
    ("params", "rank", "words"),
    [
        ({"conv": {"kernel": np.zeros((3, 3, 4, 4))}}, 4, "hold no attention projection"),
        ({"to_q": {"kernel": np.zeros((12, 8))}}, 9, "rank is 9, expected 1 to 8"),
        ({"to_q": {"kernel": np.zeros((12, 8))}}, 0, "rank is 0, expected 1 to 8"),
    ],
)
def test_what_cannot_be_adapted_is_refused(params, rank, words):
    with pytest.raises(UserError, match=words):
        init_adapters(jax.random.key(0), {"attn1": params}, rank)
