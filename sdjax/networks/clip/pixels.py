"""Pictures as CLIP's image encoder reads them, in the way of Zero-1-to-3."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

SIZE = 224  # pixels along an edge, of the published encoders
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
_SHARPNESS = -0.75  # the cubic's a


def clip_pixels(
    image: Float[Array, "b h w 3"], pixels: int = SIZE
) -> Float[Array, "b {pixels} {pixels} 3"]:
    """Images in [-1, 1] at CLIP's size and scale: ((resized + 1) / 2 - mean) / std.

    Both axes are stretched to `pixels` by Keys' cubic with a = -0.75, so that the centres of the
    outermost pixels stay where they are (aligned corners) and without a blur where it shrinks;
    beyond the edge its pixels repeat.  Values may overshoot the range.  This is not what CLIP's own
    processor does: that keeps the aspect, blurs and cuts.
    Source: github.com/cvlab-columbia/zero123, ldm/modules/encoders/modules.py.
    """
    rows, columns = (jnp.asarray(_cubic(size, pixels), image.dtype) for size in image.shape[1:3])
    precision = jax.lax.Precision.HIGHEST
    resized = jnp.einsum("ih,bhwc,jw->bijc", rows, image, columns, precision=precision)
    mean, std = (jnp.asarray([[[values]]], image.dtype) for values in (MEAN, STD))
    return (0.5 * (resized + 1.0) - mean) / std


def _cubic(size: int, pixels: int) -> Float[np.ndarray, "pixels size"]:
    """The weight of each of `size` pixels in each of so many."""
    places = np.arange(pixels) * (size - 1) / max(1, pixels - 1)
    first = np.floor(places).astype(int)
    weights = np.zeros((pixels, size))
    for step in range(-1, 3):
        pixel = np.clip(first + step, 0, size - 1)
        np.add.at(weights, (np.arange(pixels), pixel), _kernel(np.abs(places - first - step)))
    return weights


def _kernel(distance: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Keys' cubic convolution (1981) at distances in pixels."""
    a, x = _SHARPNESS, distance
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
