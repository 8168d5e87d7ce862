"""A UNet's numbers in the code that Stable Diffusion, MVDream and Zero-1-to-3 were trained with."""

from typing import Any

from sdjax.config.errors import UserError, short
from sdjax.networks.configuration import Fields, check_divisible, check_fields, per_block
from sdjax.networks.values import MOST_BLOCKS, listed, whole, wholes

PORT = "MultiViewUNetModel"  # the class of MVDream's folders in the layout of diffusers

_FIXED = {
    "adm_in_channels": None,
    "conv_resample": True,
    "dims": 2,
    "disable_middle_self_attn": False,
    "disable_self_attentions": None,
    "ip_dim": 0,
    "n_embed": None,
    "num_attention_blocks": None,
    "num_classes": None,
    "num_heads_upsample": -1,
    "resblock_updown": False,
    "use_scale_shift_norm": False,
    "use_spatial_transformer": True,
    "with_ip": False,
}
_NO_DIFFERENCE = {
    "derived",
    "dropout",  # of training
    "ip_weight",  # read with an ip_dim only
    "legacy",  # of heads: both ways are the same with spatial transformers
    "spatial_transformer_attn_type",  # how attention is computed
    "use_bf16",
    "use_checkpoint",
    "use_fp16",
    "use_new_attention_order",  # of attention without a context
}
_DEFAULTS = {
    "image_size": None,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": None,
    "num_res_blocks": 2,
    "attention_resolutions": None,
    "channel_mult": (1, 2, 4, 8),
    "num_heads": -1,
    "num_head_channels": -1,
    "transformer_depth": 1,
    "context_dim": None,
    "camera_dim": None,
    "use_linear_in_transformer": False,
}


def diffusers_fields(fields: Fields) -> dict[str, Any]:
    """The fields of diffusers' `UNet2DConditionModel`, and `camera_features`, that describe the
    network of these constructor arguments of ldm's `UNetModel` or MVDream's `MultiViewUNetModel`.

    Level i has model_channels channel_mult[i] channels at 1 / 2^i of the resolution, and attention
    where 2^i is in `attention_resolutions`; heads are `num_head_channels` wide or else `num_heads`
    many; there are `camera_dim` numbers of a camera.  The folders of MVDream's port, whose
    `_class_name` is PORT, leave out `use_linear_in_transformer`, which is true there.
    Source: github.com/bytedance/MVDream, mvdream/ldm/modules/diffusionmodules/openaimodel.py.
    UserError naming the first field that is damaged or asks for something else.
    """
    check_fields(fields, _FIXED, set(_DEFAULTS) | _NO_DIFFERENCE, "UNet")
    read = {**_DEFAULTS, "use_linear_in_transformer": fields.get("_class_name") == PORT, **fields}
    channels = _channels(read)
    attends = _attends(read, len(channels))
    down = ("CrossAttnDownBlock2D" if one else "DownBlock2D" for one in attends)
    up = ("CrossAttnUpBlock2D" if one else "UpBlock2D" for one in reversed(attends))
    return {
        "in_channels": read["in_channels"],
        "out_channels": read["out_channels"],
        "sample_size": read["image_size"],
        "block_out_channels": channels,
        "down_block_types": tuple(down),
        "up_block_types": tuple(up),
        "layers_per_block": per_block("num_res_blocks", read["num_res_blocks"], len(channels)),
        "attention_head_dim": _heads(read, channels),
        "transformer_layers_per_block": per_block(
            "transformer_depth", read["transformer_depth"], len(channels)
        ),
        "cross_attention_dim": whole("context_dim", read["context_dim"]),
        "use_linear_projection": read["use_linear_in_transformer"],
        "camera_features": read["camera_dim"],
    }


def _channels(read: Fields) -> tuple[int, ...]:
    multiples = wholes("channel_mult", read["channel_mult"])
    if multiples[0] != 1:
        raise UserError(
            f"channel_mult starts with {multiples[0]}, expected 1: only the UNet of Stable "
            "Diffusion 1.x and 2.x is implemented."
        )
    width = whole("model_channels", read["model_channels"])
    return tuple(width * multiple for multiple in multiples)


def _attends(read: Fields, levels: int) -> list[bool]:
    given = listed("attention_resolutions", read["attention_resolutions"])
    factors = [whole("attention_resolutions", one, 2**MOST_BLOCKS) for one in given]
    return [2**level in factors for level in range(levels)]


def _heads(read: Fields, channels: tuple[int, ...]) -> tuple[int, ...]:
    """The number of heads of each level."""
    width, count = read["num_head_channels"], read["num_heads"]
    if width not in (-1, None):
        width = whole("num_head_channels", width)
        check_divisible("model_channels", channels, (width,) * len(channels), "num_head_channels")
        return tuple(one // width for one in channels)
    if count in (-1, None):
        raise UserError(
            f"num_heads is {short(count)} and num_head_channels {short(width)}, expected one of "
            "them above 0."
        )
    return (whole("num_heads", count),) * len(channels)
