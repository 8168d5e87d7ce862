"""Pictures of scenes that are half made: before another ground, in a haze, with parts missing.

Functions (key, pictures) -> pictures of pictures in [0, 1] on white; every picture draws how strong
the disturbance is.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Pictures = Float[Array, "b h w 3"]
_OPAQUE = 10.0  # a pixel is covered where a channel is 1 / 10 away from white


def opacity(pictures: Pictures) -> Float[Array, "b h w 1"]:
    """min(1, 10 (1 - the darkest channel)): what of a pixel is not the white ground.  White parts
    of an object in full light count as ground."""
    return jnp.minimum(1.0, _OPAQUE * (1.0 - pictures.min(-1, keepdims=True)))


def shaded(key: jax.Array, pictures: Pictures) -> Pictures:
    """Before a grey of 0.4 to 1, tinted by up to 0.1."""
    return pictures - (1.0 - opacity(pictures)) * (1.0 - _greys(key, len(pictures)))


def hazed(key: jax.Array, pictures: Pictures) -> Pictures:
    """Up to 0.5 of a fog between camera and scene, of a grey of 0.4 to 1."""
    amount, colour = jax.random.split(key)
    fog = _strengths(amount, len(pictures), 0.5)
    return (1.0 - fog) * pictures + fog * _greys(colour, len(pictures))


def faded(key: jax.Array, pictures: Pictures) -> Pictures:
    """1 - opacity (1 - x): as translucent as an opacity of 0.4 to 1 leaves it."""
    return 1.0 - (1.0 - _strengths(key, len(pictures), 0.6)) * (1.0 - pictures)


def dissolved(key: jax.Array, pictures: Pictures) -> Pictures:
    """White in smooth patches, which cover up to about a third of a picture."""
    patches, amount = jax.random.split(key)
    level = 2.0 - 1.6 * jax.random.uniform(amount, (len(pictures), 1, 1, 1))
    missing = _patches(patches, pictures, 8, level)
    return missing + (1.0 - missing) * pictures


def with_floaters(key: jax.Array, pictures: Pictures) -> Pictures:
    """Behind translucent lumps of any colour, which cover up to about a tenth of a picture."""
    patches, amount, colour, density = jax.random.split(key, 4)
    level = 2.6 - 1.3 * jax.random.uniform(amount, (len(pictures), 1, 1, 1))
    covered = _patches(patches, pictures, 12, level)
    covered = covered * _strengths(density, len(pictures), 1.0)
    few = jax.random.uniform(colour, (len(pictures), 4, 4, 3))
    return (1.0 - covered) * pictures + covered * jax.image.resize(few, pictures.shape, "linear")


def _patches(
    key: jax.Array, pictures: Pictures, cells: int, level: Float[Array, "b 1 1 1"]
) -> Float[Array, "b h w 1"]:
    """About 1 where a smooth field, normal in each of `cells` x `cells` places, exceeds `level`."""
    field = jax.random.normal(key, (len(pictures), cells, cells, 1))
    return jax.nn.sigmoid(
        8.0 * (jax.image.resize(field, (*pictures.shape[:3], 1), "linear") - level)
    )


def _strengths(key: jax.Array, number: int, most: float) -> Float[Array, "b 1 1 1"]:
    return most * jax.random.uniform(key, (number, 1, 1, 1))


def _greys(key: jax.Array, number: int) -> Float[Array, "b 1 1 3"]:
    """0.4 to 1, tinted by up to 0.1."""
    grey, tint = jax.random.split(key)
    shade = 0.4 + 0.6 * jax.random.uniform(grey, (number, 1, 1, 1))
    return jnp.clip(
        shade + jax.random.uniform(tint, (number, 1, 1, 3), minval=-0.1, maxval=0.1), 0, 1
    )
