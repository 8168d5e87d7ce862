"""Where configurations lie: files of the user's, and those that come with the package."""

import os
from pathlib import Path

from sdjax.config.errors import UserError, did_you_mean

_PACKAGE = Path(__file__).parents[1]
_PLACES = (_PACKAGE / "configs", _PACKAGE.parent / "configs")  # of a wheel, and of a clone


def configs_folder() -> Path:
    """The package's configurations."""
    return next((place for place in _PLACES if place.is_dir()), _PLACES[0])


def find(source: str | os.PathLike) -> tuple[Path, str | None]:
    """The file that a text names, and what stands behind a colon.

    "runs/mine.py:fsd" is a file of the user's and its argument; "demo", "embedded_2d:dsd" and
    "configs/embedded_2d.py:dsd" are the package's from any folder, unless there is such a file.
    Raises a UserError that names the nearest if there is none.
    """
    name, colon, argument = str(source).rpartition(":")
    readings = [(str(source), None), *([(name, argument)] if colon else [])]
    for name, argument in readings:
        given = Path(os.path.expanduser(name))
        for path in (given,) if given.is_absolute() else (given, _of_package(given)):
            if os.path.isfile(path):  # unlike Path's, no error for a name that is too long
                return path, argument
    raise UserError(_missing(given))


def _of_package(given: Path) -> Path:
    parts = (given if given.suffix == ".py" else Path(f"{given}.py")).parts
    return configs_folder().joinpath(*parts[1:] if parts[:1] == ("configs",) else parts)


def _missing(given: Path) -> str:
    if os.path.isdir(given):
        return f"--config={given} is a folder, expected one of its files."
    if given.suffix and not os.path.isdir(given.parent) and given.parts[:1] != ("configs",):
        return f"There is no configuration file {given}: {given.parent} is not a folder."
    beside = sorted(given.parent.glob("*.py")) if os.path.isdir(given.parent) else []
    folder = configs_folder()
    own = [path.relative_to(folder).with_suffix("") for path in sorted(folder.rglob("*.py"))]
    names = [str(path) for path in (*beside, *own)]
    hint = did_you_mean(str(given), names)
    listed = f" The package has {', '.join(map(str, own))}." if hint == "." else ""
    return f"There is no configuration file {given}{hint}{listed}"
