"""One picture of a user's as a prior is trained on it: square, before white."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from sdjax.files.pictures import read_picture

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
OTHER_SUFFIXES = (".gif", ".heic", ".heif", ".avif", ".jfif", ".jp2", ".psd", ".dng")  # not read


def square_picture(file: Path, resolution: int) -> UInt8[np.ndarray, "_ _ 3"]:
    """The picture in `file`, cut to a square around its centre, with `resolution` pixels an edge.

    Read by `read_picture`; transparent pixels become white, and of several frames the first is
    taken, with a warning.  `UserError`, which names the file, for what it cannot read.
    """
    from PIL import Image

    picture = read_picture(file, "a file; remove it from the folder", cut=_square)
    pixels = _plain(picture).resize((resolution, resolution), Image.Resampling.BOX)
    return np.asarray(pixels)


def _square(picture: "Image") -> "Image":
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    return picture.crop((left, top, left + side, top + side))


def _plain(picture: "Image") -> "Image":
    """Before white."""
    from PIL import Image

    if picture.mode == "RGB":
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")
