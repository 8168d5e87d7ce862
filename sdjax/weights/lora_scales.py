"""By what a LoRA file multiplies its products: alpha / rank, where the file says an alpha.

It says so in tensors (kohya), in its head (diffusers from 0.34 on) or in adapter_config.json beside
it (PEFT); a file that does not is as diffusers reads it, alpha = rank.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sdjax.config.errors import UserError
from sdjax.files.plain_files import read_json
from sdjax.weights.safetensors_files import safetensors_metadata

METADATA = "lora_adapter_metadata"
CONFIG = "adapter_config.json"
ALONE = "adapter_model.safetensors"
COMPONENTS = ("unet", "text_encoder")
# What changes the product; PEFT's fields that must be off.
UNKNOWN = ("use_dora", "alora_invocation_tokens", "fan_in_fan_out", "lora_bias", "use_qalora")


class Scales(NamedTuple):
    """What PEFT says of each component; nothing where it says nothing."""

    path: Path
    settings: Mapping[str, Mapping[str, Any]]

    def of(self, component: str, layer: str, rank: int, alpha: float | None) -> float:
        """alpha / rank of a layer, whose own `alpha` is that in a tensor; PEFT's rank-stabilised
        LoRA has alpha / sqrt(rank)."""
        said = self.settings.get(component, {})
        if alpha is None:
            alpha = said.get("lora_alpha", rank)
            for pattern, own in (said.get("alpha_pattern") or {}).items():
                if layer == pattern or layer.endswith(f".{pattern}"):
                    alpha = own
        return _number(self.path, alpha) / (math.sqrt(rank) if said.get("use_rslora") else rank)


def read_scales(path: Path) -> Scales:
    """What is said of `path`; UserError if that is damaged or asks for more than plain LoRA."""
    if path.name == ALONE:
        said = read_json(path.parent / CONFIG, "the scale of the LoRA beside it")
        settings = dict.fromkeys(COMPONENTS, said)
    else:
        settings = _by_component(path, safetensors_metadata(path).get(METADATA, "{}"))
    for said in settings.values():
        _check(path, said)
    return Scales(path, settings)


def _by_component(path: Path, text: str) -> dict[str, dict[str, Any]]:
    """diffusers joins the component to the field, as "unet.lora_alpha"."""
    try:
        fields = json.loads(text)
        return {
            component: {
                name.removeprefix(f"{component}."): value
                for name, value in fields.items()
                if name.startswith(f"{component}.")
            }
            for component in COMPONENTS
        }
    except (ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"'{path}' has a damaged head ({METADATA}); download it again.") from error


def _check(path: Path, said: Mapping[str, Any]) -> None:
    for name in UNKNOWN:
        if said.get(name):
            raise UserError(f"'{path}' asks for {name} {said[name]!r}, expected a plain LoRA.")
    if not isinstance(said.get("alpha_pattern") or {}, dict):
        raise UserError(f"'{path}' has a damaged alpha_pattern; download it again.")


def _number(path: Path, value: Any) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not (fits and abs(value) <= 1e6):
        raise UserError(f"'{path}' has lora_alpha {value!r}, expected a number.")
    return float(value)
