"""What a model's folder must look like: the layout of diffusers, a folder per component."""

from collections.abc import Sequence
from pathlib import Path

from sdjax.config.errors import UserError
from sdjax.weights.conversion import from_checkpoint

CHECKPOINTS = (".safetensors", ".ckpt", ".pt", ".pth")


def checked_folder(path: Path, components: Sequence[str]) -> Path:
    """`path` if it is a diffusers folder with these components, else ValueError."""
    if path.is_file():
        raise UserError(_single_file(path))
    if not (path / "model_index.json").exists():
        raise UserError(_no_model(path))
    missing = [name for name in components if not (path / name).is_dir()]
    if missing:
        raise UserError(
            f"The model in '{path}' has no folder {' and no '.join(missing)}; "
            f"download it completely, with {', '.join(components)}."
        )
    return path


def no_such_path(path: Path) -> str:
    """The sentence for a path that does not exist, naming how far it does."""
    existing = next(parent for parent in path.absolute().parents if parent.exists())
    folders = (child.name for child in existing.iterdir() if child.is_dir())
    inside = sorted(name for name in folders if not name.startswith("."))[:8]
    holds = f", which holds {', '.join(inside)}" if inside else ""
    return (
        f"There is no folder '{path}'; the nearest that exists is '{existing}'{holds}; "
        f"a model of the hub is given as owner/name."
    )


def _no_model(folder: Path) -> str:
    checkpoints = sorted(p for p in folder.iterdir() if p.suffix in CHECKPOINTS)
    if (folder / "config.json").exists():
        return (
            f"'{folder}' is one component of a model; give the folder of the whole model, "
            f"'{folder.parent}'."
        )
    if checkpoints:
        return _single_file(checkpoints[0])
    return (
        f"'{folder}' is no model in the layout of diffusers: it has no model_index.json; "
        f"give the folder that holds that file beside unet, vae and text_encoder."
    )


def _single_file(file: Path) -> str:
    if file.suffix not in CHECKPOINTS:
        return f"'{file}' is a file; give the folder of a model in the layout of diffusers."
    convert = from_checkpoint(str(file), str(file.with_suffix("")))
    return f"'{file}' is a checkpoint in one file, which sdjax does not read; {convert}."
