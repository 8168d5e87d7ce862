"""Pictures of objects with the cameras that took them, several of each object: a user's own."""

import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from sdjax.cameras import Camera
from sdjax.config.errors import UserError, did_you_mean
from sdjax.config.fields import is_whole
from sdjax.prior_training.caption_files import TABLE, lines_of_table, same_name
from sdjax.prior_training.picture_files import square_picture
from sdjax.prior_training.user_images import picture_files

_BOUNDS = {  # of each number of a camera: the lowest, the highest
    "azimuth": (-math.inf, math.inf),
    "elevation": (-90.0, 90.0),
    "distance": (1.0, math.inf),
    "fovy": (0.1, 179.0),
}


class Views(NamedTuple):
    """Pictures of objects, in any order; views of one object have one number."""

    pictures: UInt8[np.ndarray, "number h w 3"]  # before white
    cameras: Camera  # [number], float32
    objects: Int[np.ndarray, "number"]  # 0, 1, ... without gaps
    texts: list[str]  # what each shows; "" where nobody said
    names: Sequence[str] = ()  # of the objects, where they have any


class _Row(NamedTuple):
    """A line of the table."""

    file_name: str
    object: str
    camera: tuple[float, ...]  # azimuth, elevation, distance, fovy
    text: str


def views_in(
    folder: str | Path,
    resolution: int,
    *,
    at_least: int = 2,
    distance: float = 3.2,
    fovy: float = 40.0,
    with_text: bool = False,
) -> Views:
    """The pictures in `folder`, cut to squares around their centres and resized, with cameras.

    Each has a line in `metadata.jsonl`, as cameras are defined in `sdjax.cameras` (degrees, world
    units, `fovy` of the square):

        {"file_name": "a.png", "object": "mug 1", "azimuth": 30, "elevation": 10,
         "distance": 3.2, "fovy": 40, "text": "a red mug"}

    Distance, field of view and text may be left out: then they are `distance`, `fovy` and "", but
    `with_text` asks for texts.  Transparent pixels become white.

    Raises:
        UserError: one sentence about a folder without pictures or table, a line that is none of
            these, a picture without a line, with two or none of its own, and an object with fewer
            than `at_least` views.
    """
    folder = Path(os.path.expanduser(folder))
    files = picture_files(folder)
    rows = _rows(folder, {"distance": distance, "fovy": fovy}, with_text)
    told = [_line_of(file, rows) for file in files]
    _check_files(folder, rows, files)
    names = sorted({row.object for row in told})
    _check_objects(folder, Counter(row.object for row in told), at_least)
    return Views(
        np.stack([square_picture(file, resolution) for file in files]),
        Camera(*np.float32([row.camera for row in told]).T),
        np.int32([names.index(row.object) for row in told]),
        [row.text for row in told],
        names,
    )


def _rows(folder: Path, usual: Mapping[str, float], with_text: bool) -> dict[str, _Row]:
    """By the names of their files."""
    rows: dict[str, _Row] = {}
    for number, line in lines_of_table(folder):
        where = f"line {number} of {folder / TABLE}"
        row = _row(where, line, usual, with_text)
        if row.file_name in rows:
            raise UserError(f"{where} is a second one about '{row.file_name}', expected one each.")
        rows[row.file_name] = row
    return rows


def _row(where: str, line: str, usual: Mapping[str, float], with_text: bool) -> _Row:
    fields = _fields(where, line)
    numbers = [_number(where, fields, name, usual.get(name)) for name in _BOUNDS]
    names = [_text(where, fields, name) for name in ("file_name", "object")]
    text = _text(where, fields, "text") if with_text or "text" in fields else ""
    return _Row(same_name(names[0]), names[1], tuple(numbers), text)


def _fields(where: str, line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise UserError(
            f'{where} is {line[:60]!r}, expected {{"file_name": ..., "object": ..., '
            '"azimuth": ..., "elevation": ...}.'
        )
    return fields


def _number(where: str, fields: dict[str, Any], name: str, usual: float | None) -> float:
    value = fields.get(name, usual)
    low, high = _BOUNDS[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and abs(value) <= 1e9 and low <= value <= high:
        return float(value)
    raise UserError(f"{where} has {_given(fields, name)}, expected a number{_range(low, high)}.")


def _range(low: float, high: float) -> str:
    if high < math.inf:
        return f" from {low:g} to {high:g}"
    return f" of at least {low:g}" if low > -math.inf else ""


def _text(where: str, fields: dict[str, Any], name: str) -> str:
    """A text; numbers may stand for the names of objects."""
    value = fields.get(name)
    if name == "object" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and is_whole(value) and (value or name == "text"):
        return value
    raise UserError(f"{where} has {_given(fields, name)}, expected a text.")


def _given(fields: dict[str, Any], name: str) -> str:
    return f"{name} {str(fields[name])[:40]!r}" if name in fields else f"no {name}"


def _line_of(file: Path, rows: Mapping[str, _Row]) -> _Row:
    if (name := same_name(file.name)) in rows:
        return rows[name]
    raise UserError(
        f"'{file}' has no line in {TABLE}, expected one with its camera"
        + did_you_mean(name, tuple(rows))
    )


def _check_files(folder: Path, rows: Mapping[str, _Row], files: list[Path]) -> None:
    names = [same_name(file.name) for file in files]
    for name in rows:
        if name not in names:
            raise UserError(
                f"'{folder / TABLE}' names '{name}', which is no picture in the folder"
                + did_you_mean(name, names)
            )


def _check_objects(folder: Path, views: Counter[str], at_least: int) -> None:
    for name, number in views.items():
        if number < at_least:
            raise UserError(
                f"The object '{name}' in '{folder}' has {number} "
                f"view{'s' if number > 1 else ''}, expected at least {at_least}."
            )
