"""What pictures of analyses need besides contact sheets: titles, stacks, coloured frames."""

import colorsys
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from sdjax.reports.pictures import FONT_SIZE, INK, MARGIN, WHITE, Image, Pixels, to_uint8

TITLE_SIZE = 20
Colour = tuple[int, int, int]


def titled(picture: Image, title: str, note: str = "") -> Pixels:
    """The picture below a title and a smaller note (which may hold line breaks); it becomes as
    wide as they need."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    pen = ImageDraw.Draw(Pillow.new("RGB", (1, 1)))
    top, boxes = MARGIN, []
    for text, size in ((title, TITLE_SIZE), (note, FONT_SIZE)):
        font = ImageFont.load_default(size)
        boxes.append((top, text, font))
        tall = "\n".join(["Ag"] * (1 + text.count("\n")))  # the same for all texts of some lines
        top = int(pen.multiline_textbbox((MARGIN, top), tall, font)[3]) + MARGIN // 2
    wide = max(pen.multiline_textbbox((MARGIN, 0), text, font)[2] for _, text, font in boxes)
    pixels = to_uint8(picture)
    width = max(pixels.shape[1], int(wide) + MARGIN)
    sheet = Pillow.new("RGB", (width, top + pixels.shape[0]), (WHITE,) * 3)
    sheet.paste(Pillow.fromarray(pixels), (0, top))
    pen = ImageDraw.Draw(sheet)
    for y, text, font in boxes:
        pen.multiline_text((MARGIN, y), text, INK, font)
    return np.asarray(sheet)


def stacked(pictures: Sequence[Image]) -> Pixels:
    """One below the other, from the left edge on, on white."""
    pixels = [to_uint8(picture) for picture in pictures]
    width = max(picture.shape[1] for picture in pixels)
    pads = [((0, 0), (0, width - picture.shape[1]), (0, 0)) for picture in pixels]
    rows = [np.pad(*pair, constant_values=WHITE) for pair in zip(pixels, pads, strict=True)]
    return np.concatenate(rows)


def fitted(image: Image, width: int, *, crisp: bool = False) -> Pixels:
    """The image `width` pixels wide; `crisp` keeps the edges of its own pixels."""
    from PIL import Image as Pillow

    pixels = to_uint8(image)
    size = (width, round(width * pixels.shape[0] / pixels.shape[1]))
    way = Pillow.Resampling.NEAREST if crisp else Pillow.Resampling.LANCZOS
    return np.asarray(Pillow.fromarray(pixels).resize(size, way))


def framed_patches(
    image: Image, colours: Sequence[Colour], sources: Int[np.ndarray, "rows columns"], line: int
) -> Pixels:
    """The image with a frame of `line` pixels around each patch of a grid; a patch has the
    colour that `sources` names."""
    pixels = to_uint8(image).copy()
    rows, columns = sources.shape
    height, width = pixels.shape[0] // rows, pixels.shape[1] // columns
    for i, row in enumerate(sources):
        for j, source in enumerate(row):
            patch = pixels[i * height : (i + 1) * height, j * width : (j + 1) * width]
            inner = patch[line:-line, line:-line].copy()
            patch[:] = colours[source]
            patch[line:-line, line:-line] = inner
    return pixels


def distinct_colours(number: int) -> list[Colour]:
    """Hues all around, every second one darker."""
    values = [colorsys.hsv_to_rgb(i / number, 0.95, 0.95 if i % 2 else 0.6) for i in range(number)]
    return [tuple(round(255 * part) for part in value) for value in values]
