"""Prompts of eight directions, blended so that what a camera reads is continuous in its azimuth."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.cameras import OCTANTS, Camera

_NUMBER = len(OCTANTS)


def blending(camera: Camera, *, overhead: float = 60.0) -> Float[Array, "views texts"]:
    """Coefficients over nine embeddings, those of `OCTANTS` and of overhead, for cameras [views].

    Linear in azimuth between two neighbours: where azimuth / 45 is k + w with a whole k and w in
    [0, 1), octant k has 1 - w and octant k + 1 has w, octant 8 being the first.  Above elevation
    `overhead` (degrees) overhead has 1: there it jumps.
    """
    place = camera.azimuth[:, None] / 45.0 - jnp.arange(_NUMBER)[None]
    apart = jnp.abs(jnp.mod(place + _NUMBER / 2, _NUMBER) - _NUMBER / 2)  # around the circle
    below = jnp.append(jnp.maximum(1.0 - apart, 0.0), jnp.zeros_like(apart[:, :1]), axis=1)
    above = jnp.asarray([[*(0.0,) * _NUMBER, 1.0]], below.dtype)
    return jnp.where(camera.elevation[:, None] > overhead, above, below)
