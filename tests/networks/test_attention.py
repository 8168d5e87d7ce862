"""Which attention runs where, and what it computes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from sdjax.networks import attention_on_cpus
from sdjax.networks.attention import attention_implementation, multi_head_attention


@pytest.mark.parametrize(
    ("compute_capability", "dtype", "head_dim", "expected"),
    [
        ("8.0", jnp.bfloat16, 40, "cudnn"),
        ("9.0", jnp.bfloat16, 80, "cudnn"),
        ("12.0", jnp.float16, 64, "cudnn"),
        ("8.9", "bfloat16", 128, "cudnn"),
        ("9.0", jnp.bfloat16, 160, "xla"),  # the coarsest blocks of Stable Diffusion 1.x
        ("9.0", jnp.bfloat16, 512, "xla"),  # the autoencoder
        ("9.0", jnp.bfloat16, 12, "xla"),
        ("9.0", jnp.float32, 64, "xla"),
        ("7.5", jnp.float16, 64, "xla"),  # Turing
        ("gfx90a", jnp.bfloat16, 64, "xla"),  # AMD
        (None, jnp.bfloat16, 64, "xla"),  # CPU, TPU
    ],
)
def test_flash_attention_runs_where_it_can(compute_capability, dtype, head_dim, expected):
    assert attention_implementation(compute_capability, dtype, head_dim) == expected


def exact(query, key, value, heads: int, is_causal: bool) -> np.ndarray:
    """In float64, a loop over heads."""
    query, key, value = (np.asarray(x, np.float64) for x in (query, key, value))
    outputs = []
    for q, k, v in zip(*(np.split(x, heads, -1) for x in (query, key, value)), strict=True):
        logits = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
        if is_causal:
            logits = np.where(np.tril(np.ones(logits.shape[1:], bool)), logits, -np.inf)
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        outputs.append(weights @ v / weights.sum(-1, keepdims=True))
    return np.concatenate(outputs, -1)


def draw(dtype, tokens: int, context: int, scale: float) -> list[jax.Array]:
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = [(2, tokens, 24), (2, context, 24), (2, context, 24)]
    scales = (scale, 1.0, 1.0)
    return [
        (factor * jax.random.normal(k, s)).astype(dtype)
        for k, s, factor in zip(keys, shapes, scales, strict=True)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tokens", "context", "is_causal"), [(9, 5, False), (7, 7, False), (7, 7, True)]
)
def test_heads_are_slices_of_the_channels(tokens, context, is_causal):
    inputs = draw(jnp.float32, tokens, context, 1.0)
    attended = multi_head_attention(*inputs, 3, is_causal=is_causal)
    np.testing.assert_allclose(attended, exact(*inputs, 3, is_causal), atol=1e-5)


@pytest.mark.slow
def test_logits_and_softmax_are_float32():
    """Logits of about 60 in bfloat16 would be off by 0.2, the weights by a fifth."""
    inputs = draw(jnp.bfloat16, 16, 16, 20.0)
    attended = multi_head_attention(*inputs, 3)
    assert attended.dtype == jnp.bfloat16
    np.testing.assert_allclose(
        np.asarray(attended, np.float64), exact(*inputs, 3, False), rtol=2e-2, atol=2e-2
    )


@pytest.mark.parametrize("many", [False, True], ids=["one", "vmap"])
def test_the_form_for_cpus_has_the_same_value_and_gradients(many):
    inputs = [x.reshape(*x.shape[:2], 3, -1) for x in draw(jnp.float32, 9, 5, 2.0)]
    if many:
        inputs = [jnp.stack([x, 2 * x + 0.1]) for x in inputs]

    @partial(jax.jit, static_argnums=0)
    def results(attend):
        attended, pull = jax.vjp(jax.vmap(attend) if many else attend, *inputs)
        weights = jnp.sin(jnp.arange(attended.size, dtype=jnp.float32))
        return attended, *pull(weights.reshape(attended.shape))

    expected = results(jax.nn.dot_product_attention)
    for one, other in zip(results(attention_on_cpus.attend), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=3e-6 * np.abs(other).max())


def test_the_form_of_other_platforms_is_exact():
    inputs = draw(jnp.float32, 9, 5, 2.0)
    heads = [x.reshape(*x.shape[:2], 3, -1) for x in inputs]
    attended = jax.nn.dot_product_attention(*heads, implementation="xla")
    expected = exact(*inputs, 3, False)
    np.testing.assert_allclose(attended.reshape(expected.shape), expected, atol=1e-5)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_the_gradient_is_lowered_for_other_platforms(platform):
    inputs = draw(jnp.float32, 9, 5, 2.0)
    gradient = jax.grad(lambda *inputs: jnp.sum(multi_head_attention(*inputs, 3) ** 2), (0, 1, 2))
    exported = export.export(jax.jit(gradient), platforms=[platform])(*inputs)
    assert exported.platforms == (platform,)
