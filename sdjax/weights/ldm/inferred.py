"""The architecture of an original checkpoint, as far as its tensors show it.

All functions read `shapes` by the names of diffusers and transformers, and return the fields of a
config.json.  What no shape shows is as in every published checkpoint of this layout: 32 groups,
the default epsilons, 256 pixels; heads as each function says.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from sdjax.config.errors import UserError

Shapes = Mapping[str, tuple[int, ...]]

# Features of the context of Stable Diffusion 1.x, which has 8 heads, and 2.x, whose are 64 wide.
_EIGHT_HEADS, _WIDTH_64 = 768, 1024
_KEYS = {"text_model": "text_encoder", "vision_model": "image_encoder"}
_CLIP_HEAD = 64  # in each of OpenAI's towers, and in open_clip's that are about


def unet_fields(shapes: Shapes) -> dict[str, Any]:
    """Of `UNet2DConditionModel`, and `camera_features`.

    Heads: 8 where the context has 768 features, 64 wide where it has 1024; else UserError.
    """
    channels = _levels(shapes, "down_blocks.{}.resnets.0.conv1.weight")
    attends = [_count(shapes, rf"down_blocks\.{i}\.attentions") > 0 for i in range(len(channels))]
    middle = "mid_block.attentions.0"
    context = _size(shapes, f"{middle}.transformer_blocks.0.attn2.to_k.weight", 1)
    camera = "camera_embedding.linear_1.weight"
    return {
        "in_channels": _size(shapes, "conv_in.weight", 1),
        "out_channels": _size(shapes, "conv_out.weight", 0),
        "sample_size": 32,
        "block_out_channels": channels,
        "down_block_types": ["CrossAttnDownBlock2D" if one else "DownBlock2D" for one in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if one else "UpBlock2D" for one in attends[::-1]],
        "layers_per_block": [
            _count(shapes, rf"down_blocks\.{i}\.resnets") for i in range(len(channels))
        ],
        "attention_head_dim": _heads(context, channels),
        "transformer_layers_per_block": _count(shapes, rf"{middle}\.transformer_blocks"),
        "cross_attention_dim": context,
        "use_linear_projection": len(shapes.get(f"{middle}.proj_in.weight", ())) == 2,
        "camera_features": _size(shapes, camera, 1) if camera in shapes else None,
    }


def autoencoder_fields(shapes: Shapes) -> dict[str, Any]:
    """Of `AutoencoderKL`."""
    channels = _levels(shapes, "encoder.down_blocks.{}.resnets.0.conv1.weight")
    return {
        "in_channels": _size(shapes, "encoder.conv_in.weight", 1),
        "out_channels": _size(shapes, "decoder.conv_out.weight", 0),
        "latent_channels": _size(shapes, "post_quant_conv.weight", 0),
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
        "layers_per_block": _count(shapes, r"encoder\.down_blocks\.0\.resnets"),
        "sample_size": 256,
    }


def text_fields(shapes: Shapes, *, open_clip: bool) -> dict[str, Any]:
    """Of `CLIPTextModel`; heads are 64 wide, and open_clip's activation is the exact gelu.

    The end of a text is the last of the vocabulary, as in CLIP's tokenizer.
    """
    vocabulary = _size(shapes, "text_model.embeddings.token_embedding.weight", 0)
    return {
        **_tower(shapes, "text_model"),
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "hidden_act": "gelu" if open_clip else "quick_gelu",
        "vocab_size": vocabulary,
        "max_position_embeddings": _size(
            shapes, "text_model.embeddings.position_embedding.weight", 0
        ),
        "eos_token_id": vocabulary - 1,
    }


def image_fields(shapes: Shapes) -> dict[str, Any]:
    """Of `CLIPVisionModelWithProjection`; heads are 64 wide."""
    patch = _size(shapes, "vision_model.embeddings.patch_embedding.weight", 2)
    tokens = _size(shapes, "vision_model.embeddings.position_embedding.weight", 0)
    return {
        **_tower(shapes, "vision_model"),
        "architectures": ["CLIPVisionModelWithProjection"],
        "model_type": "clip_vision_model",
        "hidden_act": "quick_gelu",
        "image_size": patch * math.isqrt(max(0, tokens - 1)),
        "patch_size": patch,
        "num_channels": _size(shapes, "vision_model.embeddings.patch_embedding.weight", 1),
        "projection_dim": _size(shapes, "visual_projection.weight", 0),
    }


def projection_fields(shapes: Shapes) -> dict[str, int]:
    """Of a layer of its own: how many numbers it takes and returns."""
    return {"in_features": _size(shapes, "weight", 1), "out_features": _size(shapes, "weight", 0)}


def _tower(shapes: Shapes, tower: str) -> dict[str, Any]:
    width = _size(shapes, f"{tower}.embeddings.position_embedding.weight", 1)
    if width % _CLIP_HEAD:
        raise _unseen(f"a tower of CLIP that is {width} wide", _KEYS[tower])
    return {
        "hidden_size": width,
        "intermediate_size": _size(shapes, f"{tower}.encoder.layers.0.mlp.fc1.weight", 0),
        "num_hidden_layers": _count(shapes, rf"{tower}\.encoder\.layers"),
        "num_attention_heads": width // _CLIP_HEAD,
    }


def _heads(context: int, channels: list[int]) -> list[int]:
    if context == _EIGHT_HEADS:
        return [8] * len(channels)
    if context == _WIDTH_64:
        return [max(1, width // 64) for width in channels]
    raise _unseen(f"a UNet whose context has {context} features", "unet_config")


def _unseen(what: str, key: str) -> UserError:
    return UserError(
        f"How many heads {what} has is not in its tensors; put the numbers of its architecture "
        f"beside it, in a config.json with the key {key!r}."
    )


def _levels(shapes: Shapes, name: str) -> list[int]:
    """The channels that come out of the first layer of each level."""
    channels = [_size(shapes, name.format(0), 0)]
    while name.format(len(channels)) in shapes:
        channels.append(_size(shapes, name.format(len(channels)), 0))
    return channels


def _count(shapes: Shapes, pattern: str) -> int:
    """How many modules of that list there are."""
    numbered = re.compile(rf"{pattern}\.(\d+)\.")
    return len({match[1] for name in shapes if (match := numbered.match(name))})


def _size(shapes: Shapes, name: str, axis: int) -> int:
    shape = shapes.get(name, ())
    if axis >= len(shape):
        raise UserError(
            f"Tensor {name} is {'missing' if name not in shapes else 'of another shape'}; take a "
            "complete checkpoint of Stable Diffusion's architecture."
        )
    return shape[axis]
