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
    of float32, it is returned as it is, else with float32 results.  It has gradients by all of its
    arguments, of which only those are computed that are asked for; what it holds besides has none
    (JAX raises where one is asked for), nor are there derivatives in forward mode.
    """
    if jnp.dtype(dtype) != jnp.float16:
        return function

    def wide(*arguments):
        return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), function(*arguments))

    def forward(*arguments):
        moved = jax.tree.map(lambda one: one.value if one.perturbed else None, arguments)
        fixed = jax.tree.map(lambda one: None if one.perturbed else one.value, arguments)
        return jax.vjp(lambda moved: wide(*_joined(moved, fixed)), moved)

    def backward(pull, cotangent):
        cotangent = jax.tree.map(_instantiated, cotangent)
        scale = _scale(cotangent)
        larger = jax.tree.map(lambda leaf: leaf * scale, cotangent)
        (gradients,) = pull(larger)
        return jax.tree.map(lambda leaf: _unscaled(leaf, scale), gradients)

    scaled = jax.custom_vjp(wide)
    scaled.defvjp(forward, backward, symbolic_zeros=True)
    return scaled


def _joined(moved: Any, fixed: Any) -> Any:
    """The tree of which each leaf is in one of two, and None in the other."""
    either = lambda one, other: other if one is None else one  # noqa: E731
    return jax.tree.map(either, moved, fixed, is_leaf=lambda leaf: leaf is None)


def _instantiated(leaf: Any) -> jax.Array:
    """Zeros as an array where JAX only says that they are."""
    is_zero = isinstance(leaf, jax.custom_derivatives.SymbolicZero)
    return jnp.zeros(leaf.shape, leaf.dtype) if is_zero else leaf


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
    wide = leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))  # float16 ends before the scale
    return (wide / scale).astype(leaf.dtype)
