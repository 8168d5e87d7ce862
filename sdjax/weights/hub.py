"""A model's folder on this machine, downloaded from the Hugging Face hub where it is not one."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from sdjax.config.errors import UserError
from sdjax.files.plain_files import is_broken_link, is_there
from sdjax.weights.choice import best_weights, is_setting, needed_files, pickles
from sdjax.weights.files import weight_files
from sdjax.weights.folder import Component, checked_folder, named, no_such_path, one_of
from sdjax.weights.hub_cache import entered, is_cache
from sdjax.weights.hub_errors import UnreachableError, explain, pickles_only
from sdjax.weights.shipped import SHIPPED, shipped_folder

COMPONENTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
Check = Callable[[Path], object]
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
TIMEOUT = 10.0  # seconds, for the first answer of the hub


def local_folder(
    source: str | Path,
    revision: str | None = None,
    components: Sequence[Component] = COMPONENTS,
    check: Check | None = None,
) -> Path:
    """The folder of a model in the layout of diffusers, with at least these components (of several
    names for one, any).

    Args:
      source: a folder, taken as it is; "sdjax-small" or another checkpoint that comes with the
        package (`sdjax.weights.shipped`); the model's folder in the hub's cache,
        `models--owner--name`; or a model of the hub, "owner/name", of which only the settings and
        one file of weights per component are downloaded (`sdjax.weights.choice`).
      revision: branch, tag or commit on the hub, e.g. "flax" for old Flax weights; None is "main".
      check: looks at a folder that has the model's small files; it is called before anything
        large is downloaded.

    Without the hub, what its cache (under HF_HOME) holds of that revision is used if complete.
    UserError with what to do if there is no such folder or model, if it is incomplete, has pickles
    only, is a LoRA or a checkpoint in one file, and if the hub cannot be reached or refuses.
    """
    path = given_path(source)
    is_path = isinstance(source, Path) or HUB_ID.fullmatch(source) is None
    if not is_there(path) and (is_path or is_broken_link(path)):
        raise UserError(no_such_path(path))
    if not is_there(path):
        return checked_folder(_snapshot(str(source), revision, components, check), components)
    if is_cache(path):
        return checked_folder(entered(path, revision), components)
    if revision is not None:
        raise UserError(f"'{source}' is a folder here, so leave out the revision '{revision}'.")
    return checked_folder(path, components)


def given_path(source: str | Path) -> Path:
    """The folder of a checkpoint of the package for its name, else a path, of which "~" is
    replaced where somebody is known by it."""
    if source in SHIPPED:
        return shipped_folder(source)
    try:
        return Path(source).expanduser()
    except RuntimeError:  # "~somebody" whom nobody knows
        return Path(source)


def _snapshot(
    model: str, revision: str | None, components: Sequence[Component], check: Check | None
) -> Path:
    from huggingface_hub import HfApi

    try:
        with _explained(model, revision):
            info = HfApi().model_info(model, revision=revision, timeout=TIMEOUT)
        wanted = _wanted(model, [file.rfilename for file in info.siblings], components)
        small = [name for name in wanted if is_setting(name)]
        folder = _downloaded(model, revision, small)
        if check is not None:
            check(folder)
        return _downloaded(model, revision, wanted)
    except UnreachableError:
        cached = _cached(model, revision, components)
        if cached is None:
            raise
        return cached


def _downloaded(model: str, revision: str | None, names: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    with _explained(model, revision):
        return Path(snapshot_download(model, revision=revision, allow_patterns=names))


def _wanted(model: str, names: list[str], components: Sequence[Component]) -> list[str]:
    wanted, folders = ["model_index.json"], {name.partition("/")[0] for name in names}
    for options in components:
        component = one_of(options, folders.__contains__)
        if component is None:
            raise UserError(
                f"The model '{model}' has no folder {named(options)} on the hub; choose one in the "
                f"layout of diffusers, with {', '.join(map(named, components))}."
            )
        start = component + "/"
        inside = [name.removeprefix(start) for name in names if name.startswith(start)]
        if pickles(inside) and best_weights(inside) is None:
            raise UserError(pickles_only(model, component))
        wanted += [start + name for name in needed_files(inside)]
    return wanted


def _cached(model: str, revision: str | None, components: Sequence[Component]) -> Path | None:
    from huggingface_hub import snapshot_download

    find = partial(snapshot_download, allow_patterns="model_index.json", local_files_only=True)
    try:
        folder = checked_folder(Path(find(model, revision=revision)), components)
        for options in components:
            component = one_of(options, lambda name: (folder / name).is_dir())
            if (folder / component / "config.json").exists():  # a network, so it has weights
                weight_files(folder / component)
    except (OSError, ValueError):
        return None
    return folder


@contextlib.contextmanager
def _explained(model: str, revision: str | None) -> Iterator[None]:
    """The hub raises errors of whichever network library its version uses: all are explained."""
    try:
        yield
    except Exception as error:
        raise UnreachableError(explain(model, revision, error)) from error
