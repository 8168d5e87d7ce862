"""A user's own pictures and captions."""

import os
from pathlib import Path

import numpy as np

from sdjax.config.errors import UserError
from sdjax.prior_training.caption_files import caption_beside, captions_of_table, same_name
from sdjax.prior_training.picture_files import OTHER_SUFFIXES, SUFFIXES, square_picture
from sdjax.prior_training.sources import Bank


def user_images(folder: str | Path, resolution: int, empty: float) -> Bank:
    """The pictures in `folder`, cut to squares around their centres and resized; transparent
    pixels become white (`picture_files`).

    Captions stand in `metadata.jsonl`, lines of {"file_name": ..., "text": ...}, or beside each
    picture in a text file of the same name.  With probability `empty` a caption is left out.
    Hidden files (.DS_Store, ._a.jpg) and files of other kinds are left alone.
    `UserError` if the folder has no pictures, or a picture has no caption, cannot be read or is of
    a kind that is not read.
    """
    folder = Path(os.path.expanduser(folder))
    files = picture_files(folder)
    told = captions_of_table(folder)
    captions = [
        told[name] if (name := same_name(file.name)) in told else caption_beside(file)
        for file in files
    ]
    pictures = np.stack([square_picture(file, resolution) for file in files])

    def caption(generator: np.random.Generator, index: int) -> str:
        return "" if generator.uniform() < empty else captions[index]

    return Bank(pictures, caption)


def picture_files(folder: Path) -> list[Path]:
    """The files of pictures in `folder`, by their names; `UserError` if there are none, or if one
    is of a kind that is not read."""
    if not os.path.isdir(folder):  # unlike Path's, no error for a name that is too long
        raise UserError(f"There is no folder '{folder}', expected one with pictures and captions.")
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(f"The folder '{folder}' cannot be read ({error.strerror}).") from error
    for path in found:
        if path.suffix.lower() in OTHER_SUFFIXES:
            raise UserError(
                f"'{path}' is of a kind that is not read, expected {', '.join(SUFFIXES)}."
            )
    files = [path for path in found if path.suffix.lower() in SUFFIXES]
    if not files:
        raise UserError(f"'{folder}' has no pictures, expected files {', '.join(SUFFIXES)}.")
    return files
