"""Pictures as networks take them."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def float_pictures(
    pictures: Array, resolution: int
) -> Float[Array, "n {resolution} {resolution} 3"]:
    """Pictures of 8 bits, or in [0, 1], as floats in [0, 1] of that size, antialiased where they
    shrink."""
    pictures = jnp.asarray(pictures)
    pictures = pictures / 255.0 if pictures.dtype == jnp.uint8 else pictures
    size = (len(pictures), resolution, resolution, 3)
    return pictures if pictures.shape == size else jax.image.resize(pictures, size, "linear")
