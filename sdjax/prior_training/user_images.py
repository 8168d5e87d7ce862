"""A user's own pictures and captions."""

import json
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from sdjax.config.errors import UserError
from sdjax.prior_training.sources import Bank

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def user_images(folder: str | Path, resolution: int, empty: float) -> Bank:
    """The pictures in `folder`, cut to squares around their centres and resized; transparent
    pixels become white.

    Captions stand in `metadata.jsonl`, lines of {"file_name": ..., "text": ...}, or beside each
    picture in a text file of the same name.  With probability `empty` a caption is left out.
    `UserError` if the folder has no pictures, or a picture has no caption or cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"There is no folder '{folder}', expected one with pictures and captions.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"'{folder}' has no pictures, expected files {', '.join(SUFFIXES)}.")
    told = _metadata(folder)
    captions = [_caption(file, told) for file in files]
    pictures = np.stack([_square(file, resolution) for file in files])

    def caption(generator: np.random.Generator, index: int) -> str:
        return "" if generator.uniform() < empty else captions[index]

    return Bank(pictures, caption)


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"'{file}' cannot be read as text ({error}), expected UTF-8.") from error


def _metadata(folder: Path) -> dict[str, str]:
    file = folder / "metadata.jsonl"
    if not file.exists():
        return {}
    captions = {}
    for number, line in enumerate(_read(file).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            captions[_text(row["file_name"])] = _text(row["text"])
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserError(
                f'line {number} of {file} is {line[:60]!r}, expected {{"file_name": ..., '
                '"text": ...}.'
            ) from error
    return captions


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _caption(file: Path, told: dict[str, str]) -> str:
    beside = file.with_suffix(".txt")
    if file.name in told:
        return told[file.name]
    if beside.exists():
        return " ".join(_read(beside).split())
    raise UserError(
        f"'{file}' has no caption, expected a line in metadata.jsonl or the file {beside.name}."
    )


def _square(file: Path, resolution: int) -> UInt8[np.ndarray, "_ _ 3"]:
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(file).convert("RGBA")
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"'{file}' cannot be read as a picture ({error}).") from error
    white = Image.new("RGBA", picture.size, "white")
    plain = Image.alpha_composite(white, picture).convert("RGB")
    side = min(plain.size)
    left, top = ((length - side) // 2 for length in plain.size)
    square = plain.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((resolution, resolution), Image.Resampling.BOX))
