"""What a model's folder must look like: the layout of diffusers, a folder per component."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sdjax.config.errors import UserError
from sdjax.files.plain_files import (
    broken_link,
    is_broken_link,
    is_there,
    names_in,
    plain_file,
    read_json,
)
from sdjax.weights.conversion import from_checkpoint
from sdjax.weights.lora_files import NAMES as LORA_FILES
from sdjax.weights.lora_names import is_lora
from sdjax.weights.lora_scales import CONFIG as LORA_CONFIG
from sdjax.weights.safetensors_files import safetensors_shapes

CHECKPOINTS = (".safetensors", ".ckpt", ".pt", ".pth")
INDEX = "model_index.json"
Component = str | tuple[str, ...]  # a folder's name, or several of which one will do


def one_of(component: Component, is_there: Callable[[str], bool]) -> str | None:
    """The name under which a component is there; None where it is not."""
    names = (component,) if isinstance(component, str) else component
    return next(filter(is_there, names), None)


def named(component: Component) -> str:
    """As a sentence has it."""
    return component if isinstance(component, str) else " or ".join(component)


def checked_folder(path: Path, components: Sequence[Component]) -> Path:
    """`path` if it is a diffusers folder with these components, else UserError."""
    if path.is_file():
        raise UserError(_single_file(path))
    if not path.is_dir():
        raise UserError(f"'{path}' is no folder; give the folder of a model.")
    if INDEX not in names_in(path):
        raise UserError(_no_model(path))
    plain_file(path / INDEX, "the list of a model's components")
    alone = (path / name for name in components if isinstance(name, str))
    for broken in filter(is_broken_link, alone):
        raise UserError(f"{broken_link(broken)}.")
    inside = lambda name: (path / name).is_dir()  # noqa: E731
    missing = [named(component) for component in components if one_of(component, inside) is None]
    if missing:
        raise UserError(
            f"The model in '{path}'{_its_class(path)} has no folder {' and no '.join(missing)}; "
            f"download it completely, with {', '.join(map(named, components))}, or take a model "
            "of the kind that the prior is for."
        )
    return path


def _its_class(path: Path) -> str:
    """What a model's list of components says that it is, in brackets."""
    try:
        found = read_json(path / INDEX, "the list of a model's components").get("_class_name")
    except UserError:
        return ""
    return f" ({found})" if isinstance(found, str) and found.isidentifier() else ""


def no_such_path(path: Path) -> str:
    """The sentence for a path that does not exist, naming how far it does."""
    if is_broken_link(path):
        return f"{broken_link(path)}."
    existing = next(parent for parent in path.absolute().parents if is_there(parent))
    folders = (existing / name for name in _names(existing))
    inside = [folder.name for folder in folders if folder.is_dir()][:8]
    holds = f", which holds {', '.join(inside)}" if inside else ""
    return (
        f"There is no folder '{path}'; the nearest that exists is '{existing}'{holds}; "
        f"a model of the hub is given as owner/name."
    )


def _names(folder: Path) -> list[str]:
    try:
        return names_in(folder)
    except UserError:  # it may be entered, but not looked into
        return []


def _no_model(folder: Path) -> str:
    names = names_in(folder)
    if lora := [name for name in (*LORA_FILES, LORA_CONFIG) if name in names]:
        return _lora(folder, f"({lora[0]})")
    if "config.json" in names:
        return (
            f"'{folder}' is one component of a model; give the folder of the whole model, "
            f"'{folder.parent}'."
        )
    checkpoints = [name for name in names if Path(name).suffix in CHECKPOINTS]
    if checkpoints:
        return _single_file(folder / checkpoints[0])
    return (
        f"'{folder}' is no model in the layout of diffusers: it has no model_index.json; "
        f"give the folder that holds that file beside unet, vae and text_encoder."
    )


def _single_file(file: Path) -> str:
    if file.suffix not in CHECKPOINTS:
        return f"'{file}' is a file; give the folder of a model in the layout of diffusers."
    if file.suffix == ".safetensors" and _holds_lora(file):
        return _lora(file, "")
    convert = from_checkpoint(str(file), str(file.with_suffix("")))
    return (
        f"'{file}' is a checkpoint in one file, which sdjax does not read; {convert} (those of "
        "MVDream and Zero-1-to-3 are given as that file, with config.prior.name mvdream or "
        "zero123)."
    )


def _holds_lora(file: Path) -> bool:
    try:
        return is_lora(name for name, _ in safetensors_shapes([file]))
    except UserError:
        return False


def _lora(path: Path, why: str) -> str:
    return (
        f"'{path}' is a LoRA{f' {why}' if why else ''}, not a model; give the model that it was "
        "trained for as prior.weights and this as prior.lora."
    )
