"""Which layer a tensor of a LoRA file changes, in the namings that are about.

| naming                   | of the UNet                                              |
|--------------------------|----------------------------------------------------------|
| diffusers, first         | unet.down_blocks.0...attn1.processor.to_q_lora.up.weight |
| diffusers, then          | unet.down_blocks.0...attn1.to_q.lora.up.weight           |
| diffusers, today (PEFT)  | unet.down_blocks.0...attn1.to_q.lora_B.weight            |
| PEFT alone               | base_model.model.down_blocks.0...to_q.lora_B.weight      |
| kohya                    | lora_unet_down_blocks_0_..._attn1_to_q.lora_up.weight    |

The text encoder's begin with `text_encoder.` or `lora_te_`; `down` is `lora_A` in PEFT.  Names are
compared with dots as underscores, and without the name of the tower.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

LAYER = re.compile(r"(.+?)[._]lora(?:_linear_layer)?[._](down|up|A|B)(?:\.\w+)?\.weight")
ALPHA = re.compile(r"(.+?)(?:\.lora(?:_linear_layer)?)?\.alpha")
ROLES = {"down": "down", "A": "down", "up": "up", "B": "up"}
PREFIXES = {
    "unet.": "unet",
    "lora_unet_": "unet",
    "text_encoder.": "text_encoder",
    "lora_te_": "text_encoder",
    "lora_te1_": "text_encoder",
}
PEFT = "base_model.model."
TOWER = "text_model_"

# The attention of text encoders, as diffusers named its layers at first.
OLD_TEXT = re.compile(r"(.*self_attn)_to_(q|k|v|out)")


class Part(NamedTuple):
    """What a tensor of a LoRA file is: one of "down", "up" and "alpha", of a layer."""

    layer: str  # as the file names it
    role: str


class Target(NamedTuple):
    """A weight that may be changed."""

    component: str  # "unet" or "text_encoder"
    name: str


def part_of(name: str) -> Part | None:
    """What the tensor `name` is; None for anything but plain LoRA (LoHa, LoKr, DoRA, ...)."""
    if match := LAYER.fullmatch(name):
        return Part(match[1], ROLES[match[2]])
    if match := ALPHA.fullmatch(name):
        return Part(match[1], "alpha")
    return None


def is_lora(names: Iterable[str]) -> bool:
    """Whether any of the tensors belongs to a LoRA."""
    return any(LAYER.fullmatch(name) for name in names)


def known_targets(weights: Mapping[str, Iterable[str]]) -> dict[tuple[str, str], Target]:
    """(component, the layer with underscores) of each weight of the components."""
    return {
        (component, _flat(name.removesuffix(".weight"))): Target(component, name)
        for component, names in weights.items()
        for name in names
        if name.endswith(".weight")
    }


def target_of(layer: str, known: Mapping[tuple[str, str], Target]) -> Target | None:
    """The weight of a file's `layer`; without a prefix, whichever component has it."""
    layer = layer.removeprefix(PEFT)
    components = ["unet", "text_encoder"]
    for prefix, component in PREFIXES.items():
        if layer.startswith(prefix):
            layer, components = layer.removeprefix(prefix), [component]
            break
    names = _namings(_flat(layer.replace(".processor.", ".").removesuffix(".processor")))
    found = (known.get((component, name)) for component in components for name in names)
    return next(filter(None, found), None)


def _flat(layer: str) -> str:
    return layer.replace(".", "_").removeprefix(TOWER)


def _namings(layer: str) -> list[str]:
    """`layer`, or what it is called today."""
    names = [layer, f"{layer}_0"] if layer.endswith("_to_out") else [layer]
    if old := OLD_TEXT.fullmatch(layer):
        names.append(f"{old[1]}_{old[2]}_proj")
    return names
