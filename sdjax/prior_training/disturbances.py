"""Pictures as they come from a model or a scene that is being made: blurred, faded, in a haze.

Each disturbance is a function (key, pictures) -> pictures; every picture draws how strong it is,
from not at all to the bound in its docstring.  Pictures are in [0, 1], on white where nothing is.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.prior_training.unfinished import dissolved, faded, hazed, shaded, with_floaters

Pictures = Float[Array, "b h w 3"]
Disturbance = Callable[[jax.Array, Pictures], Pictures]
_RADIUS = 4  # pixels that the blur reaches to


def disturbed(key: jax.Array, pictures: Pictures) -> Pictures:
    """Each goes through one of `SCENES`, then one of `PICTURES`, and is shifted by up to 3 pixels.

    The batch is divided evenly among those of a list, at random; one of fewer pictures than a list
    is long does without the last.
    """
    scene, picture, shift = jax.random.split(key, 3)
    changed = _one_of_each(picture, _one_of_each(scene, pictures, SCENES), PICTURES)
    return jnp.clip(shifted(shift, changed), 0.0, 1.0)


def unchanged(key: jax.Array, pictures: Pictures) -> Pictures:
    """As they are."""
    return pictures


def blurred(key: jax.Array, pictures: Pictures) -> Pictures:
    """By a Gaussian of up to 2 pixels, whose weights end at 4 pixels."""
    deviation = 0.05 + 1.95 * jax.random.uniform(key, (len(pictures), 1))
    places = jnp.arange(-_RADIUS, _RADIUS + 1)
    weights = jnp.exp(-0.5 * (places[None] / deviation) ** 2)
    weights = weights / weights.sum(1, keepdims=True)
    along = jax.vmap(_along_rows)
    turned = jnp.swapaxes(along(pictures, weights), 1, 2)
    return jnp.swapaxes(along(turned, weights), 1, 2)


def noisy(key: jax.Array, pictures: Pictures) -> Pictures:
    """Plus independent normal noise of a deviation of up to 0.12."""
    amount, noise = jax.random.split(key)
    deviation = 0.12 * jax.random.uniform(amount, (len(pictures), 1, 1, 1))
    return pictures + deviation * jax.random.normal(noise, pictures.shape)


def regraded(key: jax.Array, pictures: Pictures) -> Pictures:
    """gain (0.5 + contrast (x - 0.5)), with gains of 0.8 to 1.15 and contrasts of 0.7 to 1.25."""
    low, high = jnp.asarray([0.8, 0.7]), jnp.asarray([1.15, 1.25])
    gain, contrast = jax.random.uniform(key, (len(pictures), 2), minval=low, maxval=high).T
    at = (slice(None), None, None, None)
    return gain[at] * (0.5 + contrast[at] * (pictures - 0.5))


def coarse(key: jax.Array, pictures: Pictures) -> Pictures:
    """As enlarged from a picture with a half or, one of two, a quarter as many pixels an edge."""
    number, height, width, _ = pictures.shape
    half, quarter = (
        jax.image.resize(
            jax.image.resize(pictures, (number, height // part, width // part, 3), "linear"),
            pictures.shape,
            "linear",
        )
        for part in (2, 4)
    )
    return jnp.where(jax.random.bernoulli(key, 0.5, (number, 1, 1, 1)), half, quarter)


def shifted(key: jax.Array, pictures: Pictures, most: int = 3) -> Pictures:
    """By whole pixels along both axes, up to `most`; beyond the edge its pixels repeat."""
    padded = jnp.pad(pictures, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    starts = jax.random.randint(key, (len(pictures), 2), 0, 2 * most + 1)

    def cut(picture: Float[Array, "_ _ 3"], start: jax.Array) -> Float[Array, "h w 3"]:
        return jax.lax.dynamic_slice(picture, (start[0], start[1], 0), pictures.shape[1:])

    return jax.vmap(cut)(padded, starts)


# as they are in four of nine and four of eight: what is clear is to be told best
SCENES: tuple[Disturbance, ...] = (
    *(unchanged,) * 4,
    *(shaded, hazed, faded, dissolved, with_floaters),
)
PICTURES: tuple[Disturbance, ...] = (*(unchanged,) * 4, blurred, noisy, regraded, coarse)


def _one_of_each(key: jax.Array, pictures: Pictures, kinds: Sequence[Disturbance]) -> Pictures:
    number = len(pictures)
    order_key, *keys = jax.random.split(key, len(kinds) + 1)
    order = jax.random.permutation(order_key, number)
    ends = [-(-number * (i + 1) // len(kinds)) for i in range(len(kinds))]
    starts = [0, *ends[:-1]]
    parts = [
        kind(one, pictures[order[start:end]])
        for kind, one, start, end in zip(kinds, keys, starts, ends, strict=True)
        if end > start
    ]
    return jnp.concatenate(parts)[jnp.argsort(order)]


def _along_rows(picture: Float[Array, "h w 3"], kernel: Float[Array, "n"]) -> Float[Array, "h w 3"]:
    """Each column convolved with the kernel; beyond the edge its pixels repeat."""
    padded = jnp.pad(picture, ((_RADIUS, _RADIUS), (0, 0), (0, 0)), mode="edge")
    height = len(picture)
    return sum(kernel[i] * padded[i : i + height] for i in range(2 * _RADIUS + 1))
