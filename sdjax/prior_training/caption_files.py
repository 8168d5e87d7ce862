"""What a user's files say of the pictures beside them."""

import codecs
import json
import os
import unicodedata
from pathlib import Path

from sdjax.config.errors import UserError
from sdjax.files.plain_files import plain_file

TABLE = "metadata.jsonl"
LARGEST = 2**26  # bytes of a file of captions
_MARKS = (  # of UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def captions_of_table(folder: Path) -> dict[str, str]:
    """The captions in the folder's `metadata.jsonl`, if it has one, by `same_name` of the files.

    `UserError` for a line that is not {"file_name": ..., "text": ...}.
    """
    file = folder / TABLE
    return dict(_row(file, number, line) for number, line in lines_of_table(folder))


def lines_of_table(folder: Path) -> list[tuple[int, str]]:
    """The lines of the folder's `metadata.jsonl` that are not blank, with their numbers; none if
    there is no such file."""
    file = folder / TABLE
    if not os.path.lexists(file):
        return []
    rows = enumerate(_read(file).split("\n"), 1)
    return [(number, line) for number, line in rows if line.strip()]


def caption_beside(picture: Path) -> str:
    """The text in the file of the picture's name with .txt; `UserError` if there is none."""
    beside = picture.with_suffix(".txt")
    if os.path.lexists(beside):
        return " ".join(_read(beside).split())
    raise UserError(
        f"'{picture}' has no caption, expected a line in {TABLE} or the file {beside.name}."
    )


def same_name(name: str) -> str:
    """A file's name with composed accents: systems write them in different ways."""
    return unicodedata.normalize("NFC", name)


def _row(file: Path, number: int, line: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
        return same_name(_text(row["file_name"])), _text(row["text"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f'line {number} of {file} is {line[:60]!r}, expected {{"file_name": ..., "text": ...}}.'
        ) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode()  # half a surrogate pair is no text: a UnicodeEncodeError
    return value


def _read(file: Path) -> str:
    """UTF-8, or another Unicode encoding that its first bytes tell."""
    plain_file(file, "a file; remove it from the folder")
    try:
        if file.stat().st_size > LARGEST:
            raise UserError(f"'{file}' is larger than {LARGEST:,} bytes, expected captions.")
        stored = file.read_bytes()
        encoding = next((name for mark, name in _MARKS if stored.startswith(mark)), "utf-8")
        text = stored.decode(encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"'{file}' cannot be read as text ({error}), expected UTF-8.") from error
    if "\0" in text:
        raise UserError(f"'{file}' has null characters, expected captions in UTF-8.")
    return text
