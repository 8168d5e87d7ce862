"""The LoRA files that are given, found and read."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sdjax.config.errors import UserError
from sdjax.files.plain_files import names_in, plain_file
from sdjax.weights.choice import pickles
from sdjax.weights.lora_names import Target, known_targets, part_of, target_of
from sdjax.weights.lora_scales import Scales, read_scales
from sdjax.weights.low_rank import Change, Changes
from sdjax.weights.safetensors_files import Shape, safetensors_shapes, safetensors_tensors

NAMES = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors")
PLAIN = "a LoRA of plain down and up matrices for a UNet and a text encoder"
Shapes = Mapping[str, Shape]
Parts = dict[str, dict[str, str]]  # of each layer: the names of its "down", "up" and "alpha"


class LoraFile(NamedTuple):
    """A file whose head is checked against a model: nothing is missing, everything fits."""

    path: Path
    parts: Parts
    targets: dict[str, Target]  # of each layer
    scales: Scales

    @property
    def components(self) -> set[str]:
        """Which it changes."""
        return {target.component for target in self.targets.values()}


def lora_file(given: str | Path) -> Path:
    """The file of LoRA weights, given itself or as its folder; UserError if there is none."""
    path = Path(os.path.expanduser(given))  # unlike Path's, no error for nobody's home
    if not os.path.isdir(path):
        return _checked_suffix(plain_file(path, "a LoRA: a .safetensors file or its folder"))
    names = names_in(path)
    found = [name for name in NAMES if name in names]
    others = [name for name in names if name.endswith(".safetensors")]
    if not found and len(others) != 1:
        if pickles(names):
            return _checked_suffix(path / pickles(names)[0])
        raise UserError(
            f"'{path}' holds {len(others)} .safetensors files, expected {' or '.join(NAMES)}; give "
            "the file itself."
        )
    return plain_file(path / (found or others)[0], "a LoRA")


def check_head(path: Path) -> None:
    """UserError if a file is damaged or of another kind; its head says so."""
    _parts(path, dict(safetensors_shapes([path])))
    read_scales(path)


def check_lora(path: Path, weights: Mapping[str, Shapes]) -> LoraFile:
    """What a file changes in the components' `weights` (their tensors' shapes, by component).

    Reads the head of the file only.  UserError if it is damaged, of another kind or for another
    model.
    """
    shapes = dict(safetensors_shapes([path]))
    parts, known = _parts(path, shapes), known_targets(weights)
    targets = {layer: target_of(layer, known) for layer in parts}
    foreign = [layer for layer, target in targets.items() if target is None]
    if foreign:
        raise UserError(
            f"'{path}' changes {len(foreign)} layers that this model has not, {foreign[0]!r} the "
            "first of them; it was made for another model, such as SDXL."
        )
    for layer, names in parts.items():
        target = targets[layer]
        _check_fit(path, layer, names, shapes, weights[target.component][target.name])
    return LoraFile(path, parts, targets, read_scales(path))


def read_lora(file: LoraFile, scale: float) -> dict[str, Changes]:
    """The changes that a checked file makes, times `scale`, by component and tensor."""
    tensors = dict(safetensors_tensors([file.path]))
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise UserError(f"'{file.path}' holds numbers that are not finite, in {name!r}.")
    changes: dict[str, dict[str, list[Change]]] = {}
    for layer, names in file.parts.items():
        down, up = (tensors[names[role]] for role in ("down", "up"))
        alpha = float(tensors[names["alpha"]].reshape(())) if "alpha" in names else None
        component, weight = file.targets[layer]
        own = scale * file.scales.of(component, layer, len(down), alpha)
        changes.setdefault(component, {}).setdefault(weight, []).append(Change(down, up, own))
    return changes


def _checked_suffix(path: Path) -> Path:
    if path.suffix != ".safetensors":
        raise UserError(
            f"'{path}' is no .safetensors file, expected a LoRA in that format: anything else may "
            "run any code when read."
        )
    return path


def _parts(path: Path, shapes: Shapes) -> Parts:
    parts: Parts = {}
    for name in shapes:
        part = part_of(name)
        if part is None or part.role in parts.get(part.layer, {}):
            raise UserError(f"'{path}' holds {name!r}, expected {PLAIN} (no LoCon, LoHa, DoRA).")
        parts.setdefault(part.layer, {})[part.role] = name
    for layer, names in parts.items():
        if missing := {"down", "up"} - set(names):
            raise UserError(
                f"'{path}' has no {min(missing)} matrix for {layer!r}, expected {PLAIN}."
            )
    if not parts:
        raise UserError(f"'{path}' holds no tensors, expected {PLAIN}.")
    return parts


def _check_fit(path: Path, layer: str, names: dict[str, str], shapes: Shapes, weight: Any) -> None:
    down, up = shapes[names["down"]], shapes[names["up"]]
    alpha = shapes.get(names.get("alpha", ""), ())
    fits = len(down) >= 2 and len(up) >= 2 and len(weight) >= 2 and alpha in ((), (1,))
    fits = fits and _size(down[1:]) == _size(weight[1:]) and up[:2] == (weight[0], down[0])
    if not (fits and down[0] > 0 and _size(up[2:]) == 1):
        raise UserError(
            f"'{path}' has {list(up)} times {list(down)} for {layer!r}, which is {list(weight)} in "
            "this model; it was made for another one."
        )


def _size(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))
