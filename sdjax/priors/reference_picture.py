"""One cut-out object in a picture file: read, checked, made square and brought to a size."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Shaped, UInt8

from sdjax.config.errors import UserError, did_you_mean, short
from sdjax.files.pictures import read_picture

ASPECTS = ("pad", "squeeze")
SMALLEST = 32  # pixels along an edge
FILLED = 0.95  # of the picture's height or width; trained on objects with room around them
_EXPECTED = "a picture: PNG, JPEG, WebP, TIFF or BMP"
_CUT_OUT = "cut the object out, e.g. `rembg i in.png out.png`"


def object_picture(
    image: str | Path, mask: str | Path | None, aspect: str
) -> UInt8[np.ndarray, "_ _ 4"]:
    """The colours of a picture, and how much of each pixel its object covers, of 255.

    Square with `aspect` "pad".  Raises the errors of `sdjax.priors.reference.read_reference`.
    """
    if aspect not in ASPECTS:
        raise UserError(
            f"The aspect of a picture is {short(aspect)}, expected one of {', '.join(ASPECTS)}"
            + did_you_mean(str(aspect), ASPECTS)
        )
    file = Path(image)
    pixels, transparent = _colours(file)
    if mask is not None:
        pixels = _masked(pixels, file, Path(mask))
    elif not transparent:
        raise UserError(
            f"'{file}' has neither transparency nor a mask that says where the object is; "
            f"{_CUT_OUT}, or give a mask, white where the object is."
        )
    _check_object(pixels[..., 3], file)
    return _padded(pixels) if aspect == "pad" else pixels


def _colours(file: Path) -> tuple[UInt8[np.ndarray, "h w 4"], bool]:
    """A picture, and whether it brings transparency."""
    picture = read_picture(file, _EXPECTED, animated=False)
    width, height = picture.size
    if min(picture.size) < SMALLEST:
        raise UserError(
            f"'{file}' is {width} x {height} pixels large, expected at least {SMALLEST} along "
            "each edge."
        )
    return np.asarray(picture.convert("RGBA")), picture.mode == "RGBA"


def _masked(
    pixels: UInt8[np.ndarray, "h w 4"], file: Path, mask: Path
) -> UInt8[np.ndarray, "h w 4"]:
    """Covered where the mask is white, and the picture's own transparency does not say else."""
    from PIL import Image

    picture = read_picture(mask, _EXPECTED, animated=False)
    if picture.mode == "RGBA":
        black = Image.new("RGBA", picture.size, "black")
        picture = Image.alpha_composite(black, picture)
    white = np.asarray(picture.convert("L"))
    if white.shape != pixels.shape[:2]:
        (height, width), (own_height, own_width) = white.shape, pixels.shape[:2]
        raise UserError(
            f"The mask '{mask}' is {width} x {height} pixels large, expected {own_width} x "
            f"{own_height} as '{file}' is."
        )
    if white.min() > 127 or white.max() < 128:
        colour = "white" if white.min() > 127 else "black"
        raise UserError(
            f"The mask '{mask}' is {colour} everywhere, expected white where the object is and "
            "black around it."
        )
    coverage = np.rint(pixels[..., 3:] * (white[..., None] / 255.0))
    return np.concatenate([pixels[..., :3], coverage.astype(np.uint8)], axis=-1)


def _check_object(coverage: UInt8[np.ndarray, "h w"], file: Path) -> None:
    covered = coverage > 127
    if covered.all():
        raise UserError(f"'{file}' is opaque everywhere, so it shows no object alone; {_CUT_OUT}.")
    if not covered.any():
        raise UserError(f"'{file}' is transparent everywhere, expected an object in it.")
    edges = (covered[0], covered[-1], covered[:, 0], covered[:, -1])
    touched = sum(bool(edge.any()) for edge in edges)
    share = max(
        (np.ptp(np.flatnonzero(covered.any(1 - axis))) + 1) / covered.shape[axis] for axis in (0, 1)
    )
    if touched >= 2 or share > FILLED:
        raise UserError(
            f"The object in '{file}' fills {100 * share:.1f} % of the picture and touches "
            f"{touched} of its edges, expected at most {100 * FILLED:.0f} % and room around it; "
            "enlarge the canvas, e.g. `magick in.png -background none -gravity center "
            "-extent 140%x140% out.png`."
        )


def _padded(pixels: UInt8[np.ndarray, "h w 4"]) -> UInt8[np.ndarray, "_ _ 4"]:
    """In the middle of a square of transparent white."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 4), (255, 255, 255, 0), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = pixels
    return square


def resized(pixels: UInt8[np.ndarray, "h w c"], size: int) -> UInt8[np.ndarray, "size size c"]:
    """Both edges brought to `size`, each channel for itself, rounded: a pixel is the mean of the
    area that it covers; along an edge that grows it is between its two neighbours."""
    channels = np.moveaxis(pixels, -1, 0)  # one by one: of a large picture all take gigabytes
    means = [_along_rows(_along_rows(channel, size).T, size).T for channel in channels]
    return np.rint(np.stack(means, axis=-1)).astype(np.uint8)


def before_white(
    pixels: UInt8[np.ndarray, "h w 4"],
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w 1"]]:
    """The picture colour a + (1 - a) and a, in [0, 1]."""
    values = pixels.astype(np.float32) / np.float32(255.0)
    colours, coverage = values[..., :3], values[..., 3:]
    return colours * coverage + (1 - coverage), coverage


def _along_rows(values: Shaped[np.ndarray, "length n"], size: int) -> Float64[np.ndarray, "size n"]:
    """The first axis at `size`: differences of the running sum, or between two neighbours."""
    length = len(values)
    if size >= length:
        places = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        weights = np.maximum(0.0, 1 - np.abs(places[:, None] - np.arange(length)))
        return weights @ values
    edges = np.arange(size + 1) * length / size
    first = np.minimum(edges.astype(int), length - 1)
    running = np.cumsum(values, axis=0, dtype=np.float64)
    until = running[first] + (edges - first - 1)[:, None] * values[first]
    return np.diff(until, axis=0) * size / length
