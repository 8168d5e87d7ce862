"""The small fully connected network that decodes a field's or a background's features."""

from itertools import pairwise

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Layers = list[dict[str, Float[Array, "..."]]]


def init_network(key: jax.Array, sizes: tuple[int, ...], last_scale: float = 1.0) -> Layers:
    """Layers between the given sizes: He-normal kernels, zero biases.

    The last kernel is multiplied by `last_scale`; zero starts the output at zero.
    """
    widths = list(pairwise(sizes))
    scales = [1.0] * (len(widths) - 1) + [last_scale]
    return [
        {
            "kernel": scale * jnp.sqrt(2 / before) * jax.random.normal(layer, (before, after)),
            "bias": jnp.zeros(after),
        }
        for layer, (before, after), scale in zip(
            jax.random.split(key, len(widths)), widths, scales, strict=True
        )
    ]


def apply_network(layers: Layers, features: Float[Array, "n before"]) -> Float[Array, "n after"]:
    """ReLU between the layers, nothing after the last."""
    for layer in layers[:-1]:
        features = jax.nn.relu(_affine(layer, features))
    return _affine(layers[-1], features)


def encode_frequencies(
    points: Float[Array, "n 3"], frequencies: int
) -> Float[Array, "n 3+6*{frequencies}"]:
    """(p, sin 2^k pi p, cos 2^k pi p) for k = 0 .. frequencies - 1 (NeRF, arXiv 2003.08934)."""
    scales = jnp.pi * 2.0 ** jnp.arange(frequencies)
    angles = (points[:, :, None] * scales[None, None, :]).reshape(points.shape[0], -1)
    return jnp.concatenate([points, jnp.sin(angles), jnp.cos(angles)], axis=-1)


def _affine(layer: dict, features: Float[Array, "n before"]) -> Float[Array, "n after"]:
    return features @ layer["kernel"] + layer["bias"][None, :]
