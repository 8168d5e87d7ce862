"""Still pictures: grids of images, contact sheets with captions, PNG files.

An image is `[h, w, 3]` (RGB, row 0 = top), float in [0, 1] or uint8.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Array, UInt8

from sdjax.config.errors import UserError
from sdjax.files.whole_files import whole_file

Image = np.ndarray | Array
Pixels = UInt8[np.ndarray, "_ _ 3"]

WHITE = 255
GAP = 6  # between images
MARGIN = 16  # around the sheet, and between images and captions
FONT_SIZE = 15
INK = (40, 40, 40)


def to_uint8(image: Image) -> Pixels:
    """`round(255 clip(image, 0, 1))`; a uint8 image stays as it is.

    Raises:
        UserError: if it is not `[h, w, 3]`, or not finite.
    """
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[-1] != 3:
        raise UserError(f"An image has shape {array.shape}, expected [height, width, 3].")
    if array.dtype == np.uint8:
        return array
    if not np.isfinite(array).all():
        raise UserError(
            "An image has numbers that are infinite or NaN, expected numbers in [0, 1]."
        )
    return np.round(255.0 * np.clip(array.astype(np.float32), 0.0, 1.0)).astype(np.uint8)


def enlarge(image: Image, scale: int) -> Pixels:
    """The image `scale` times as high and wide, by Lanczos interpolation."""
    from PIL import Image as Pillow

    pixels = to_uint8(image)
    if scale == 1:
        return pixels
    height, width, _ = pixels.shape
    size = (width * scale, height * scale)
    return np.asarray(Pillow.fromarray(pixels).resize(size, Pillow.Resampling.LANCZOS))


def image_grid(images: Sequence[Image], columns: int | None = None) -> Pixels:
    """Images of one size in rows, without gaps; about square if `columns` is None.

    Raises:
        ValueError: if there are none, or their sizes differ.
    """
    columns = columns or math.ceil(math.sqrt(max(1, len(images))))
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    return _tile(rows, gap=0)


def contact_sheet(
    rows: Sequence[Sequence[Image]],
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    scale: int = 1,
) -> Pixels:
    """Rows of images on white, with a caption left of each row and above each column.

    Args:
        rows: images of one size; a short row is left blank at its end.
        row_labels: none, or one for each row; may hold line breaks.
        column_labels: none, or one for each column of the longest row.
        scale: how many times each image is enlarged.

    Raises:
        ValueError: if there is no image, sizes differ, or labels are too few or too many.
    """
    rows = [[enlarge(image, scale) for image in row] for row in rows]
    picture = _tile(rows, GAP)
    _check_labels("row", row_labels, len(rows))
    _check_labels("column", column_labels, max(map(len, rows)))
    cell = next(image.shape[:2] for row in rows for image in row)
    return _with_captions(picture, cell, row_labels, column_labels)


def stack(pictures: Sequence[Image]) -> Pixels:
    """Pictures of any sizes one below the other, on white."""
    pictures = [to_uint8(picture) for picture in pictures]
    width = max(picture.shape[1] for picture in pictures)
    missing = [(0, width - picture.shape[1]) for picture in pictures]
    padded = [
        np.pad(picture, ((0, 0), columns, (0, 0)), constant_values=WHITE)
        for picture, columns in zip(pictures, missing, strict=True)
    ]
    return np.concatenate(padded)


def save_png(path: str | Path, image: Image) -> None:
    """Writes the image as a PNG file, whole or not at all; its folder is made."""
    from PIL import Image as Pillow

    with whole_file(path) as part:
        Pillow.fromarray(to_uint8(image)).save(part)


def _tile(rows: Sequence[Sequence[Image]], gap: int) -> Pixels:
    images = [to_uint8(image) for row in rows for image in row]
    sizes = {image.shape[:2] for image in images}
    if len(sizes) != 1:
        raise UserError(f"Images of one size are expected, given {sorted(sizes) or 'none'}.")
    (height, width), columns = sizes.pop(), max(map(len, rows))
    size = (len(rows) * (height + gap) - gap, columns * (width + gap) - gap, 3)
    picture = np.full(size, WHITE, np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = i * (height + gap), j * (width + gap)
            picture[top : top + height, left : left + width] = to_uint8(image)
    return picture


def _check_labels(kind: str, labels: Sequence[str], count: int) -> None:
    if labels and len(labels) != count:
        raise UserError(f"{len(labels)} {kind} labels are given for {count} {kind}s.")


def _with_captions(
    picture: Pixels,
    cell: tuple[int, int],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
) -> Pixels:
    """`picture`, tiled of images of the size `cell`, on a sheet with its captions."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(FONT_SIZE)
    pen = ImageDraw.Draw(Pillow.new("RGB", (1, 1)))
    height, width = cell
    column_labels = [_wrap(pen, label, font, width) for label in column_labels]
    left = MARGIN + _extent(pen, row_labels, font, axis=0)
    top = MARGIN + _extent(pen, column_labels, font, axis=1)
    size = (left + picture.shape[1] + MARGIN, top + picture.shape[0] + MARGIN)
    sheet = Pillow.new("RGB", size, (WHITE,) * 3)
    sheet.paste(Pillow.fromarray(picture), (left, top))
    pen = ImageDraw.Draw(sheet)
    for i, label in enumerate(row_labels):
        middle = top + i * (height + GAP) + height / 2
        pen.multiline_text((left - MARGIN / 2, middle), label, INK, font, "rm", align="right")
    for j, label in enumerate(column_labels):
        middle = left + j * (width + GAP) + width / 2
        pen.multiline_text((middle, top - MARGIN / 2), label, INK, font, "md", align="center")
    return np.asarray(sheet)


def _wrap(pen: Any, label: str, font: Any, width: int) -> str:
    """The label with line breaks between words where a line would be wider than `width`."""
    lines = [""]
    for word in label.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        fits = pen.multiline_textbbox((0, 0), longer, font)[2] <= width or not lines[-1]
        lines = [*lines[:-1], longer] if fits else [*lines, word]
    return "\n".join(lines)


def _extent(pen: Any, labels: Sequence[str], font: Any, axis: int) -> int:
    """The largest width (axis 0) or height (axis 1) of the labels, with a gap after it."""
    boxes = [pen.multiline_textbbox((0, 0), label, font) for label in labels]
    return MARGIN // 2 + max(math.ceil(box[2 + axis]) for box in boxes) if labels else 0
