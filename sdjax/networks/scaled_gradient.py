"""Gradients through a network that computes in float16, whose smallest number is 6e-8."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

# What the largest entry of a cotangent becomes, at least half of it.  Activations hold 2^15 at
# most and 2^-24 at least; gradients shrink on the way through a norm of large activations.
LARGEST = 2.0**4


def scaled_gradient(function: Callable[..., Any], dtype: Any) -> Callable[..., Any]:
    """`function` with its gradient computed in the middle of float16's range.

    The cotangent g is multiplied by s, a power of two, so that its largest entry is about
    `LARGEST`, and the gradient by 1 / s in float32: the pullback is linear, so that it is the same
    but for what float16 would round to 0 or to infinity.  So s follows g from step to step, unlike
    the scale of a loss; an infinite or undefined g stays such.

    `function` computes in `dtype` from float32; for other dtypes than float16, whose range is that
    of float32, it is returned as it is, else with float32 results.  Differentiated are its
    arguments: what it holds besides has no gradient (JAX raises where one is asked for).
    """
    if jnp.dtype(dtype) != jnp.float16:
        return function

    def wide(*arguments):
        return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), function(*arguments))

    def forward(*arguments):
        return jax.vjp(wide, *arguments)

    def backward(pull, cotangent):
        scale = _scale(cotangent)
        larger = jax.tree.map(lambda leaf: leaf * scale, cotangent)
        return jax.tree.map(lambda leaf: _unscaled(leaf, scale), pull(larger))

    scaled = jax.custom_vjp(wide)
    scaled.defvjp(forward, backward)
    return scaled


def _scale(cotangent: Any) -> jax.Array:
    """2^k with `LARGEST` / 2 < 2^k max|cotangent| <= `LARGEST`; 1 where that is 0 or not finite."""
    largest = jnp.float32(0.0)
    for leaf in jax.tree.leaves(cotangent):
        largest = jnp.maximum(largest, jnp.max(jnp.abs(leaf)))
    usable = jnp.isfinite(largest) & (largest > 0.0)
    exponent = jnp.ceil(jnp.log2(jnp.where(usable, largest, LARGEST) / LARGEST))
    return jnp.ldexp(jnp.float32(1.0), -jnp.clip(exponent, -120, 120).astype(jnp.int32))


def _unscaled(leaf: Any, scale: jax.Array) -> Any:
    if leaf.dtype == jax.dtypes.float0:  # of a whole number
        return leaf
    return leaf / scale.astype(leaf.dtype)
