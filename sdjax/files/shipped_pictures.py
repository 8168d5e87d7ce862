"""The pictures that come with the package: "sdjax:red_facade.png" where a path is asked for."""

from pathlib import Path

from sdjax.config.errors import UserError

PREFIX = "sdjax:"
_FOLDER = Path(__file__).parents[1] / "pictures"


def picture_path(given: str) -> str:
    """The path of the package's picture of that name, or what is given where it is no such name.

    Raises a UserError for a name that the package does not have.
    """
    if not given.startswith(PREFIX):
        return given
    path = _FOLDER / given.removeprefix(PREFIX)
    if path.parent != _FOLDER or not path.is_file():
        known = ", ".join(PREFIX + found.name for found in sorted(_FOLDER.glob("*.png")))
        raise UserError(f"The package has no picture {given}, only {known}.")
    return str(path)
