"""t-SNE layouts as scatters of small pictures."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from sdjax.analysis.layout import Colour, distinct_colours, fitted, stacked, titled
from sdjax.reports.pictures import FONT_SIZE, INK, MARGIN, WHITE, Pixels

PANEL = 620  # pixels of a scatter
POINT = 28  # of a picture in it
LINE = 2  # of its frame
LEGEND = 44  # of a picture in the legend
_EDGE = ((0, 0), (MARGIN, 0), (0, 0))
NOTE = (
    "Each small picture is a view of one of the objects below, framed in its object's colour; "
    "views that are alike lie close together."
)


def inverted_noise_picture(
    layouts: Mapping[str, Float[np.ndarray, "objects views 2"]],
    images: Float[np.ndarray, "objects views h w 3"],
    names: Sequence[str],
    notes: Mapping[str, str],
) -> Pixels:
    """The scatters of the named layouts side by side, each with its note, over a legend."""
    panels = [
        titled(np.pad(scatter(layout, images), _EDGE, constant_values=WHITE), name, notes[name])
        for name, layout in layouts.items()
    ]
    both = np.concatenate(panels, axis=1)
    gap = np.full((MARGIN, 1, 3), WHITE, np.uint8)
    picture = stacked([both, gap, legend(images[:, 0], names)])
    return titled(picture, "t-SNE of views of objects and of their noise", NOTE)


def scatter(
    layout: Float[np.ndarray, "objects views 2"],
    images: Float[np.ndarray, "objects views h w 3"],
) -> Pixels:
    """Each view as a small picture in its place, in a frame of its object's colour."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    panel = Pillow.new("RGB", (PANEL, PANEL), (WHITE,) * 3)
    pen = ImageDraw.Draw(panel)
    pen.rectangle((0, 0, PANEL - 1, PANEL - 1), outline=(200, 200, 200))
    colours = distinct_colours(len(layout))
    for place, colour, image in _shuffled(_places(layout), colours, images):
        panel.paste(_framed(image, colour, POINT), place)
    return np.asarray(panel)


def legend(
    images: Float[np.ndarray, "objects h w 3"], names: Sequence[str], columns: int = 4
) -> Pixels:
    """Each object's picture in its colour, beside its name."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    cell, height = 2 * (PANEL + MARGIN) // columns, LEGEND + MARGIN // 2
    rows = -(-len(names) // columns)
    sheet = Pillow.new("RGB", (cell * columns + MARGIN, rows * height + MARGIN), (WHITE,) * 3)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE)
    for i, (image, name, colour) in enumerate(
        zip(images, names, distinct_colours(len(names)), strict=True)
    ):
        x, y = MARGIN + i % columns * cell, i // columns * height
        sheet.paste(_framed(image, colour, LEGEND), (x, y))
        pen.text((x + LEGEND + MARGIN // 2, y + LEGEND / 2), name, INK, font, "lm")
    return np.asarray(sheet)


def _places(layout: np.ndarray) -> np.ndarray:
    """Left upper corners in pixels; both axes have one scale."""
    flat = layout.reshape(-1, 2)
    middle = (flat.max(0) + flat.min(0)) / 2
    extent = (flat.max(0) - flat.min(0)).max()
    room = PANEL - POINT - 4 * LINE
    return np.round((layout - middle) / extent * room + (PANEL - POINT) / 2).astype(int)


def _shuffled(places: np.ndarray, colours: Sequence[Colour], images: np.ndarray):
    """All views in a random order, so that no object lies on top of the others."""
    objects, views = places.shape[:2]
    for k in np.random.default_rng(0).permutation(objects * views):
        i, j = divmod(int(k), views)
        yield tuple(int(x) for x in places[i, j]), colours[i], images[i, j]


def _framed(image: np.ndarray, colour: Colour, size: int):
    from PIL import Image as Pillow

    frame = Pillow.new("RGB", (size, size), colour)
    frame.paste(Pillow.fromarray(fitted(image, size - 2 * LINE)), (LINE, LINE))
    return frame
