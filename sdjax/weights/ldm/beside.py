"""The architecture of an original checkpoint where a file beside it says it."""

from pathlib import Path
from typing import Any

from sdjax.config.errors import UserError
from sdjax.files.plain_files import is_there, read_json
from sdjax.networks.configuration import Fields
from sdjax.weights.ldm.first_stage import first_stage_fields

KEYS = ("unet_config", "first_stage_config", "unet", "vae", "text_encoder", "image_encoder")
_WHAT = "the numbers of an architecture"


def fields_beside(file: Path) -> dict[str, Fields]:
    """The fields of config.json by component, as far as a JSON file beside a checkpoint has them.

    It is `<the checkpoint's name>.json`, or config.json in the same folder, with the keys of the
    official configuration, `unet_config` and `first_stage_config` (their "params" or these alone;
    "model" and "params" may be around them), with a component's own config.json under `unet`,
    `vae`, `text_encoder` or `image_encoder`, or it is the UNet's constructor arguments alone.
    UserError if it is damaged, or if the one with the checkpoint's name has none of that.
    """
    own = file.with_suffix(".json")
    found = own if is_there(own) else file.parent / "config.json"
    if not is_there(found):
        return {}
    components = _components(_unwrapped(read_json(found, _WHAT)))
    if not components and found == own:
        raise UserError(f"'{own}' has none of the keys {', '.join(KEYS)}, expected {_WHAT}.")
    return components


def _unwrapped(fields: dict[str, Any]) -> dict[str, Any]:
    inner = _params(fields.get("model"))
    return fields if inner is None else inner


def _components(fields: dict[str, Any]) -> dict[str, Fields]:
    if "model_channels" in fields:
        return {"unet": fields}
    components = {name: fields[name] for name in KEYS[2:] if isinstance(fields.get(name), dict)}
    if (unet := _params(fields.get("unet_config"))) is not None:
        components.setdefault("unet", unet)
    first_stage = _params(fields.get("first_stage_config")) or {}
    if isinstance(ddconfig := first_stage.get("ddconfig"), dict):
        components.setdefault("vae", first_stage_fields(ddconfig))
    return components


def _params(value: Any) -> dict[str, Any] | None:
    """What is in the braces, or in the "params" that are in them."""
    if not isinstance(value, dict):
        return None
    inner = value.get("params")
    return inner if isinstance(inner, dict) else value
