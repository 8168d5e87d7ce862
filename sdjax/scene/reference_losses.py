"""How a particle differs from the picture of it that the prior was made of, seen by its camera.

The renderings have the picture's background, white (threestudio's zero123 recipes).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdjax.config.fields import number
from sdjax.config.kinds import Fields, kinds
from sdjax.diffusion.ramps import ramped
from sdjax.scene.rendering import Rendering

Picture = Float[Array, "h w 3"]  # in [0, 1], before white
Mask = Float[Array, "h w 1"]  # 1 where the object is
ReferenceLoss = Callable[[Rendering, Picture, Mask], Float[Array, ""]]


def reference_rgb(rendering: Rendering, image: Picture, mask: Mask) -> Float[Array, ""]:
    """mean (colour - image)^2 over pixels and channels ("rgb" of zero123)."""
    return jnp.mean((rendering.colour - image) ** 2)


def reference_mask(rendering: Rendering, image: Picture, mask: Mask) -> Float[Array, ""]:
    """mean (opacity - mask)^2 over pixels ("mask" of zero123)."""
    return jnp.mean((rendering.opacity - mask) ** 2)


def resized(picture: Float[Array, "h w c"], size: int) -> Float[Array, "size size c"]:
    """The picture in `size` pixels, each the mean of the area that it covers."""
    down, across = (jnp.asarray(_areas(length, size)) for length in picture.shape[:2])
    return jnp.einsum("ih,hwc,jw->ijc", down, picture, across, precision="highest")


def _areas(old: int, new: int) -> Float[np.ndarray, "new old"]:
    """Which part of each of `new` even intervals lies in each of `old`."""
    edges = np.linspace(0.0, old, new + 1)
    low, high = np.arange(old), np.arange(1, old + 1)
    overlap = np.minimum(edges[1:, None], high) - np.maximum(edges[:-1, None], low)
    return np.float32(np.clip(overlap, 0.0, None) * new / old)


class ReferenceLossKind(NamedTuple):
    """One of the list."""

    name: str
    loss: ReferenceLoss
    meaning: str

    @property
    def fields(self) -> Fields:
        """Its weight."""
        return {self.name: ramped(number(at_least=0)).of(0.0, f"weight: {self.meaning}")}


REFERENCE_LOSSES = kinds(
    ReferenceLossKind("reference_rgb", reference_rgb, "colours are those of prior.image"),
    ReferenceLossKind("reference_mask", reference_mask, "opacity is that of prior.image"),
)
