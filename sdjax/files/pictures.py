"""A picture in a file as people see it: upright, in 8 bits, in sRGB."""

import io
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdjax.config.errors import UserError
from sdjax.files.plain_files import plain_file

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")  # no others: some of Pillow's run programs
LARGEST = 2**26  # pixels; with its copies it takes up to 1.6 GB for a moment
_INTERPRETATION, _BITS, _WHITE_IS_ZERO = 262, 258, 0  # tags of TIFF, and a value of the first


def _whole(picture: "Image") -> "Image":
    return picture


def read_picture(
    file: Path,
    expected: str,
    *,
    cut: Callable[["Image"], "Image"] = _whole,
    animated: bool = True,
) -> "Image":
    """The picture in `file` in mode RGB, or RGBA where it has transparency (not premultiplied).

    It is turned as its EXIF orientation says, its colour profile is converted to sRGB, and 16-bit
    values become 8-bit ones; floating-point values are from 0 (black) to 1.

    Args:
        file: in one of `FORMATS`.
        expected: ends the sentence about what is no plain file.
        cut: what is left of the upright picture, before its colours are looked at.
        animated: whether the first of several frames is taken, with a warning; else they are
            refused.

    Raises:
        UserError: which names the file, for what is no plain file, no whole picture, larger than
            `LARGEST`, or of values whose white is not known.
    """
    from PIL import Image

    plain_file(file, expected)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `_check_size` looks
            picture = Image.open(file, formats=FORMATS)
        with picture:
            _check_size(file, picture)
            _check_frames(file, picture, animated)
            tags = dict(getattr(picture, "tag_v2", {}))
            return _in_8_bits(cut(_upright(picture)), tags, file)
    except UserError:
        raise
    except Exception as error:  # of damaged files Pillow raises many kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"'{file}' cannot be read as a picture ({reason}).") from error


def _check_size(file: Path, picture: "Image") -> None:
    width, height = picture.size
    if not 0 < width * height <= LARGEST:
        raise UserError(
            f"'{file}' says that it is {width} x {height} pixels large, expected at most "
            f"{LARGEST:,} of them."
        )


def _check_frames(file: Path, picture: "Image", animated: bool) -> None:
    frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
    if frames == 1:  # of an MPO the others are the depth and the like
        return
    if not animated:
        raise UserError(f"'{file}' has {frames} frames, expected a picture of one.")
    warnings.warn(f"'{file}' has {frames} frames; the first is taken.", stacklevel=4)


def _upright(picture: "Image") -> "Image":
    from PIL import ImageOps

    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    return picture


def _in_8_bits(picture: "Image", tags: Mapping[int, Any], file: Path) -> "Image":
    """In RGB or RGBA."""
    if picture.mode == "I":
        raise UserError(f"'{file}' has 32-bit whole numbers, expected 8 or 16 bits a channel.")
    if picture.mode == "F" or picture.mode.startswith("I;16"):
        picture = _of_numbers(picture, tags, file)
    if "transparency" in picture.info:
        picture.info["transparency"] = _of_8_bits(picture.info["transparency"])
    if not picture.has_transparency_data:
        return _in_srgb(picture if picture.mode == "CMYK" else picture.convert("RGB"))
    return _in_srgb(picture.convert("RGBA"))


def _of_numbers(picture: "Image", tags: Mapping[int, Any], file: Path) -> "Image":
    """Grey of 8 bits from whole numbers of up to 16 bits, or from floating-point numbers."""
    from PIL import Image

    values = np.asarray(picture, np.float32)
    if picture.mode == "F" and not (np.min(values) >= 0 and np.max(values) <= 1):
        raise UserError(
            f"'{file}' has values from {np.min(values):.3g} to {np.max(values):.3g}, expected "
            "floating-point values from 0 (black) to 1 (white)."
        )
    grey = values if picture.mode == "F" else values / (2 ** tags.get(_BITS, (16,))[0] - 1)
    if tags.get(_INTERPRETATION) == _WHITE_IS_ZERO:
        grey = 1 - grey
    hidden = picture.info.get("transparency")  # of a PNG
    opaque = np.ones(grey.shape, bool) if hidden is None else values != hidden
    shades = np.uint8(np.round(255 * grey))
    return Image.fromarray(np.stack([shades, np.uint8(255) * opaque], axis=-1), "LA")


def _of_8_bits(hidden: object) -> object:
    """The transparent colour of a PNG: of 16 bits Pillow keeps all, of the pixels the upper 8."""
    if isinstance(hidden, tuple) and max(hidden) > 255:
        return tuple(value >> 8 for value in hidden)
    return hidden


def _in_srgb(picture: "Image") -> "Image":
    """By the picture's colour profile, if it has one that is whole and of its mode."""
    mode = "RGB" if picture.mode == "CMYK" else picture.mode
    profile = picture.info.get("icc_profile")
    if not profile:
        return picture.convert(mode)
    from PIL import ImageCms

    try:
        given, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, given, srgb, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture.convert(mode)
