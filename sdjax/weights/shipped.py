"""The checkpoints that come with the package; README.md in the folder of each says what it is."""

from pathlib import Path

from sdjax.config.errors import UserError

NAME = "sdjax-small"  # the small Stable Diffusion
JUDGE = "sdjax-small-judge"
CLIP = "sdjax-small-clip"
SHIPPED = (NAME, CLIP, JUDGE, "sdjax-small-mv", "sdjax-small-view")  # where a folder is asked for
_FOLDER = Path(__file__).parents[1] / "checkpoints"


def shipped_folder(name: str = NAME) -> Path:
    """The folder of a checkpoint of `SHIPPED`; UserError where this installation lacks it."""
    folder = _FOLDER / name
    if not folder.is_dir():
        raise UserError(
            f"This installation lacks the checkpoint '{name}', expected in '{folder}'; install the "
            "whole package again, or give a folder of your own."
        )
    return folder
