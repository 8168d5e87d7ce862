"""Attention for CPUs: one product of matrices per row and head, and a gradient written out.

XLA's own derivative of the softmax, of logits with four axes, makes more passes over them.
"""

import jax
from jax import lax
from jaxtyping import Array, Float

Queries = Float[Array, "b t heads d"]
Tokens = Float[Array, "b s heads d"]


@jax.custom_vjp
def attend(query: Queries, key: Tokens, value: Tokens) -> Queries:
    """softmax(q k^T / sqrt(d)) v in each head, in the inputs' dtype.

    With weights w and the gradient g of the result, that of the logits is w (u - sum_s w u), where
    u = g v^T.
    """
    return _forward(query, key, value)[0]


def _forward(query, key, value):
    scaled, key, value = _apart(query * query.shape[-1] ** -0.5), _apart(key), _apart(value)
    weights = jax.nn.softmax(_product(scaled, key, 2, 2), axis=-1)
    attended = _together(_product(weights, value, 2, 1), query.shape)
    return attended, (scaled, key, value, weights)


def _backward(kept, gradient):
    scaled, key, value, weights = kept
    b, t, heads, d = gradient.shape
    tokens = (b, key.shape[1], heads, d)
    gradient = _apart(gradient)
    of_weights = _product(gradient, value, 2, 2)
    mean = (weights * of_weights).sum(-1, keepdims=True)
    of_logits = weights * (of_weights - mean)
    return (
        _together(_product(of_logits, key, 2, 1) * d**-0.5, (b, t, heads, d)),
        _together(_product(of_logits, scaled, 1, 1), tokens),
        _together(_product(weights, gradient, 1, 1), tokens),
    )


attend.defvjp(_forward, _backward)


def _product(left, right, left_axis: int, right_axis: int):
    return lax.dot_general(left, right, (((left_axis,), (right_axis,)), ((0,), (0,))))


def _apart(x):
    """[b, t, heads, d] as [b heads, t, d]."""
    return x.swapaxes(1, 2).reshape(-1, x.shape[1], x.shape[3])


def _together(x, shape):
    b, t, heads, d = shape
    return x.reshape(b, heads, t, d).swapaxes(1, 2)
