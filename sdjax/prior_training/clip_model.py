"""A small CLIP: both towers with their projections, in the layout of transformers' `CLIPModel`."""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.config.errors import UserError
from sdjax.files.plain_files import read_json
from sdjax.files.whole_files import write_json
from sdjax.networks.clip.config import TextConfig, VisionConfig
from sdjax.networks.clip.pixels import MEAN, STD
from sdjax.networks.clip.text import CLIPText
from sdjax.networks.clip.vision import CLIPVision
from sdjax.networks.extent import check_extent
from sdjax.networks.parameters import parameter_shapes
from sdjax.prior_training.image_encoder import vision_table
from sdjax.prior_training.networks import Table, initial_params
from sdjax.text.tokenizer import Tokenizer, load_tokenizer
from sdjax.weights.hub import given_path
from sdjax.weights.load import load_params, save_params
from sdjax.weights.shipped import CLIP
from sdjax.weights.tensors import tensor_shapes

_CONFIG, _WEIGHTS, _PIXELS = "config.json", "model.safetensors", "preprocessor_config.json"
_WHAT = "the settings of a CLIP"
_TOKENIZER = ("vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json")
FIRST_SCALE = 1.0 / 0.07  # of cosines, before training


class Towers(NamedTuple):
    """The modules, in float32."""

    text: CLIPText
    vision: CLIPVision


class Clip(NamedTuple):
    """`table` is its config.json; `params` has "text", "vision" and "logit_scale", the logarithm
    of what cosines are multiplied by."""

    table: Table
    towers: Towers
    params: dict[str, Any]
    tokenize: Tokenizer


def clip_table(text: Table, vision: Table, projection: int) -> Table:
    """config.json of both towers, whose embeddings have `projection` numbers."""
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "logit_scale_init_value": float(np.log(FIRST_SCALE)),
        "projection_dim": projection,
        "text_config": {**text, "projection_dim": projection},
        "vision_config": {**vision, "projection_dim": projection},
    }


def vision_part(width: int, layers: int, heads: int, patch: int, resolution: int) -> Table:
    """A CLIP image tower, which reads squares of `patch` pixels."""
    return {
        "model_type": "clip_vision_model",
        "hidden_act": "quick_gelu",
        "hidden_size": width,
        "image_size": resolution,
        "intermediate_size": 4 * width,
        "layer_norm_eps": 1e-5,
        "num_attention_heads": heads,
        "num_channels": 3,
        "num_hidden_layers": layers,
        "patch_size": patch,
    }


def towers(table: Table) -> Towers:
    """UserError for a table that is no whole CLIP's, or that cannot be."""
    parts = [table.get(name) for name in ("text_config", "vision_config")]
    if table.get("model_type") != "clip" or not all(isinstance(part, dict) for part in parts):
        raise UserError(
            f"The model is of type {table.get('model_type')!r}, expected a whole CLIP, with "
            "text_config and vision_config."
        )
    shared = {"projection_dim": table["projection_dim"]} if "projection_dim" in table else {}
    text = {**parts[0], **shared, "architectures": ["CLIPTextModelWithProjection"]}
    return Towers(
        CLIPText(TextConfig.from_dict({**text, "model_type": "clip_text_model"})),
        CLIPVision(VisionConfig.from_dict(vision_table(table))),
    )


def read_table(source: str | Path) -> Table:
    """The config.json in a folder."""
    return read_json(given_path(source) / _CONFIG, _WHAT)


def new_clip(table: Table, tokenizer: str | Path, key: jax.Array) -> Clip:
    """Random parameters; `tokenizer` is the folder of its files."""
    made, (text, vision) = towers(table), jax.random.split(key)
    params = {
        "text": initial_params(text, made.text),
        "vision": initial_params(vision, made.vision),
        "logit_scale": jnp.log(jnp.float32(FIRST_SCALE)),
    }
    return Clip(table, made, params, load_tokenizer(tokenizer))


def read_clip(source: str | Path = CLIP) -> Clip:
    """The CLIP in a folder, or the one that comes with the package; parameters in float32.

    UserError, one sentence, for what is missing, damaged or no whole CLIP.
    """
    folder, table = given_path(source), read_table(source)
    made, tokenizer = towers(table), load_tokenizer(folder)
    shapes = tensor_shapes(folder)
    for tower in made:
        check_extent(tower.config.extent, shapes, f"'{folder}'")
    templates = [parameter_shapes(tower) for tower in made]
    scale = {"logit_scale": jax.ShapeDtypeStruct((), jnp.float32)}
    read = load_params({**templates[0], **templates[1], **scale}, folder)
    text, vision = ({name: read[name] for name in template} for template in templates)
    params = {"text": text, "vision": vision, "logit_scale": read["logit_scale"]}
    return Clip(table, made, params, tokenizer)


def is_clip(folder: str | Path) -> bool:
    """Whether `write_clip` has come to its end there."""
    return (Path(folder) / _CONFIG).exists()


def write_clip(clip: Clip, folder: str | Path, tokenizer: str | Path, dtype: Any) -> None:
    """Write `folder` as transformers reads it, parameters in `dtype`; `tokenizer` is the folder of
    its files, which are copied."""
    folder, params = Path(folder), clip.params
    flat = {**params["text"], **params["vision"], "logit_scale": params["logit_scale"]}
    save_params(jax.tree.map(lambda leaf: np.asarray(leaf, dtype), flat), folder, _WEIGHTS)
    for name in _TOKENIZER:
        if (file := Path(tokenizer) / name).exists() and Path(tokenizer) != folder:
            shutil.copy(file, folder / name)
    write_json(folder / _PIXELS, _pixels(clip.towers.vision.config.image_size), sort_keys=True)
    write_json(folder / _CONFIG, clip.table, sort_keys=True)  # the last file


def _pixels(size: int) -> Table:
    """What CLIP's own processor does to pictures."""
    return {
        "crop_size": {"height": size, "width": size},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": list(MEAN),
        "image_processor_type": "CLIPImageProcessor",
        "image_std": list(STD),
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": size},
    }
