"""Which of a component's files hold its weights; the same choice in a folder and on a hub."""

import re
from collections.abc import Collection

STEM = r"(?:diffusion_pytorch_model|model)"
VARIANT = r"(?:\.(\w+))?"  # libraries and their versions put it in different places
SINGLE = re.compile(STEM + VARIANT + r"\.safetensors")
INDEX = re.compile(STEM + VARIANT + r"\.safetensors" + VARIANT + r"\.index" + VARIANT + r"\.json")
SHARD = re.compile(STEM + VARIANT + r"-\d+-of-\d+" + VARIANT + r"\.safetensors")
FLAX = ("diffusion_flax_model.msgpack", "flax_model.msgpack")
PICKLES = (".bin", ".ckpt", ".pt", ".pth")
VARIANTS = (None, "fp16", "bf16")  # the plain file is float32 as a rule, so it comes first


def best_weights(names: Collection[str]) -> str | None:
    """Of the file `names` of one folder, that of its weights; None if there is none.

    Safetensors before Flax msgpack; plain before fp16 before bf16 before other variants; one file
    before the index of several.  Pickles are never chosen: reading one may run any code.
    """
    ranked = sorted((rank, name) for name in names if (rank := _rank(name)) is not None)
    flax = (name for name in FLAX if name in names)
    return ranked[0][1] if ranked else next(flax, None)


def is_index(name: str) -> bool:
    """Whether `name` is the index of weights in several files."""
    return INDEX.fullmatch(name) is not None


def needed_files(names: Collection[str]) -> list[str]:
    """Of one component's file `names`: its settings, and its weights once."""
    best = best_weights(names)
    settings = [name for name in names if is_setting(name) and not is_index(name)]
    if best is None:
        return sorted(settings)
    return sorted([*settings, best, *(name for name in names if _is_shard_of(name, best))])


def is_setting(name: str) -> bool:
    """Whether a file is small, by its name: settings, a tokenizer's files, the index of weights."""
    return name.endswith((".json", ".txt")) and not name.startswith(".")


def pickles(names: Collection[str]) -> list[str]:
    """The files among `names` that are Python pickles."""
    return sorted(name for name in names if name.endswith(PICKLES))


def _rank(name: str) -> tuple[int, bool] | None:
    match = SINGLE.fullmatch(name) or INDEX.fullmatch(name)
    if match is None:
        return None
    variant = _variant(match)
    return (VARIANTS.index(variant) if variant in VARIANTS else len(VARIANTS)), is_index(name)


def _is_shard_of(name: str, index: str) -> bool:
    of, shard = INDEX.fullmatch(index), SHARD.fullmatch(name)
    return bool(of and shard) and _variant(of) == _variant(shard)


def _variant(match: re.Match[str]) -> str | None:
    return next(filter(None, match.groups()), None)
