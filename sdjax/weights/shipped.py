"""The checkpoint that comes with the package."""

from pathlib import Path

NAME = "sdjax-small"  # where a folder or hub id is asked for


def shipped_folder() -> Path:
    """Its folder, in the layout of diffusers; README.md there says what it is."""
    return Path(__file__).parents[1] / "checkpoints" / NAME
