"""The picture that a prior is made of: one object, and the camera that took it."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.cameras import Camera, front_camera
from sdjax.config.fields import number, one_of, optional, text
from sdjax.config.kinds import Fields
from sdjax.priors.band import Band
from sdjax.priors.reference_picture import ASPECTS, before_white, object_picture, resized
from sdjax.shapes import check_shape

IMAGE: Fields = {
    "image": text().of("", "path of a picture of one object, with transparency around it"),
    "mask": optional(text()).of(
        None, "path of a picture that is white where the object is, if `image` is not transparent"
    ),
    "image_elevation": number(at_least=-90, at_most=90).of(
        5.0, "of the camera that took the picture, degrees above the horizon"
    ),
    "image_azimuth": number().of(
        0.0, "at which the picture sees the object, degrees; 0 is the front"
    ),
    "aspect": one_of(*ASPECTS).of(
        "pad", "how a picture becomes square: with transparency around it, or squeezed"
    ),
}


class Reference(NamedTuple):
    """An object seen by one camera."""

    image: Float[Array, "h w 3"]  # in [0, 1], before white
    mask: Float[Array, "h w 1"]  # in [0, 1]: how much of a pixel the object covers
    camera: Camera  # [1]


def read_reference(
    image: str | Path,
    mask: str | Path | None = None,
    *,
    size: int,
    camera: Camera,
    aspect: str = "pad",
) -> Reference:
    """The object in a picture file, `size` pixels high and wide, before white.

    The colours (not premultiplied) and the coverage a are brought to that size by the area of
    pixels, each rounded to 8 bits, and then image = colour a + (1 - a): at 256 pixels and with
    `aspect` "squeeze" that is what threestudio's Zero123 reads.

    Args:
        image: path of an RGBA picture, or of any with a `mask` beside it; upright by its EXIF
            orientation, 8 or 16 bits.
        mask: path of a picture of the same size, white where the object is; where `image` has
            transparency too, the object is where both say so.
        size: pixels along an edge, at least 1.
        camera: that took the picture [1].
        aspect: "pad" puts transparency around a picture until it is square, "squeeze" distorts it.

    Raises:
        UserError: one sentence about a file that cannot be read, a picture without a cut-out
            object, one that is too small or animated, or an object that fills it.
    """
    check_shape("camera.azimuth", camera.azimuth, "1")
    whole = object_picture(image, mask, aspect)
    colours, coverage = before_white(resized(whole, size))
    return Reference(jnp.asarray(colours), jnp.asarray(coverage), camera)


def reference_camera(table: Any, looking: Band | Camera | None) -> Camera:
    """The camera [1] that took the picture: elevation and azimuth of the `table` (the fields of
    `IMAGE`), distance and field of view of where one looks from (of several cameras the first);
    where that does not matter, those of `front_camera`."""
    seen = front_camera() if looking is None else looking
    angles = table["image_azimuth"], table["image_elevation"]
    leaves = (*angles, _first(seen.distance), _first(seen.fovy))
    return Camera(*(jnp.asarray([leaf], jnp.float32) for leaf in leaves))


def _first(values: float | jax.Array) -> jax.Array:
    return jnp.ravel(jnp.asarray(values))[0]
