"""CLIP's image encoder, as a model that sees a picture is trained beside it."""

from pathlib import Path
from typing import Any, NamedTuple

from sdjax.config.errors import UserError
from sdjax.files.plain_files import read_json
from sdjax.networks.clip.config import VisionConfig
from sdjax.networks.clip.vision import CLIPVision
from sdjax.weights.hub import given_path
from sdjax.weights.load import load_params
from sdjax.weights.template import checked_template
from sdjax.weights.tensors import tensor_shapes

Table = dict[str, Any]  # a config.json
_ARCHITECTURE = "CLIPVisionModelWithProjection"


class ImageEncoder(NamedTuple):
    """Its config.json, the module in float32, and the parameters."""

    table: Table
    network: CLIPVision
    params: Any


def read_image_encoder(source: str | Path) -> ImageEncoder:
    """The image encoder in a folder: transformers' `CLIPModel`, of which the tower for texts is
    left out, its `CLIPVisionModelWithProjection`, or a model's folder with one as `image_encoder`.

    `source` may be the name of a checkpoint that comes with the package.

    Raises:
        UserError: one sentence about what is missing, damaged or not supported.
    """
    folder = given_path(source)
    if (folder / "image_encoder").is_dir():
        folder = folder / "image_encoder"
    table = vision_table(
        read_json(folder / "config.json", "the configuration of a CLIP or its image encoder")
    )
    network = CLIPVision(VisionConfig.from_dict(table))
    if network.config.projection_dim is None:
        raise UserError(f"The image encoder in '{folder}' has no projection, expected a CLIPModel.")
    template = checked_template(network, tensor_shapes(folder), f"'{folder}'")
    return ImageEncoder(table, network, load_params(template, folder))


def vision_table(table: Table) -> Table:
    """The config.json of the image encoder of a whole CLIP; that of an image encoder is its own."""
    part = table.get("vision_config")
    if table.get("model_type") != "clip" or not isinstance(part, dict):
        return table
    shared = {name: table[name] for name in ("projection_dim",) if name in table}
    return {
        **part,
        **shared,
        "architectures": [_ARCHITECTURE],
        "model_type": "clip_vision_model",
    }
