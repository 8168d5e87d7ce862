"""LoRA weights from the files that are given, for a model's UNet and text encoder."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sdjax.weights.fingerprint import file_hash
from sdjax.weights.lora_files import LoraFile, Shapes, check_head, check_lora, lora_file, read_lora
from sdjax.weights.low_rank import Changes


class Lora(NamedTuple):
    """Files that are checked and not read yet, and by what they are multiplied."""

    files: tuple[LoraFile, ...] = ()
    scale: float = 1.0

    def changes(self, component: str) -> Changes:
        """What all files together change in "unet" or "text_encoder"."""
        together: dict[str, list] = {}
        touching = [file for file in self.files if component in file.components]
        for file in touching:
            for name, changes in read_lora(file, self.scale).get(component, {}).items():
                together.setdefault(name, []).extend(changes)
        return together

    def fingerprint(self) -> str:
        """Of the contents and the scale; empty where there are none."""
        lines = [file_hash(file.path) for file in self.files]
        text = "\n".join([*lines, repr(self.scale)])
        return hashlib.sha256(text.encode()).hexdigest() if self.files else ""


def check_files(paths: Sequence[str | Path]) -> None:
    """UserError, as of `given_lora`, for what is wrong with the files of whatever model."""
    for path in paths:
        check_head(lora_file(path))


def given_lora(paths: Sequence[str | Path], scale: float, weights: Mapping[str, Shapes]) -> Lora:
    """The LoRA at `paths` (files or their folders), checked against the `weights` of a model: the
    shapes of its tensors, by component.

    UserError if one is missing, damaged, of another kind than plain LoRA, or for another model.
    """
    return Lora(tuple(check_lora(lora_file(path), weights) for path in paths), scale)
