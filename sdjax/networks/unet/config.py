"""What a UNet's config.json says."""

from dataclasses import dataclass
from typing import Any

from sdjax.config.errors import UserError
from sdjax.networks.configuration import (
    Fields,
    check_class,
    check_divisible,
    check_fields,
    check_types,
    per_block,
)
from sdjax.networks.extent import Extent
from sdjax.networks.unet.ldm_fields import PORT, diffusers_fields
from sdjax.networks.values import LONGEST_LATENTS, WIDEST, flag, listed, number, side, whole, wholes

# With attention, and without.
_DOWN = ("CrossAttnDownBlock2D", "DownBlock2D")
_UP = ("CrossAttnUpBlock2D", "UpBlock2D")

_FIXED = {
    "act_fn": "silu",
    "addition_embed_type": None,
    "attention_type": "default",
    "center_input_sample": False,
    "class_embed_type": None,
    "class_embeddings_concat": False,
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "cross_attention_norm": None,
    "downsample_padding": 1,
    "dual_cross_attention": False,
    "encoder_hid_dim": None,
    "encoder_hid_dim_type": None,
    "mid_block_only_cross_attention": None,
    "mid_block_scale_factor": 1,
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "num_attention_heads": None,
    "num_class_embeds": None,
    "only_cross_attention": False,
    "projection_class_embeddings_input_dim": None,
    "resnet_out_scale_factor": 1.0,
    "resnet_skip_time_act": False,
    "resnet_time_scale_shift": "default",
    "reverse_transformer_layers_per_block": None,
    "time_cond_proj_dim": None,
    "time_embedding_act_fn": None,
    "time_embedding_dim": None,
    "time_embedding_type": "positional",
    "timestep_post_act": None,
}
CAMERA_NUMBERS = 16  # of a camera-to-world matrix, row by row
_OF_EMA = {  # what diffusers' EMAModel writes there, and nobody reads
    "decay",
    "inv_gamma",
    "min_decay",
    "optimization_step",
    "power",
    "update_after_step",
    "use_ema_warmup",
}
_NO_DIFFERENCE = {
    *_OF_EMA,
    "addition_embed_type_num_heads",  # read with an addition_embed_type only
    "addition_time_embed_dim",
    "dropout",  # of training
    "upcast_attention",  # attention is in float32 always
}


@dataclass(frozen=True)
class UNetConfig:
    """The architecture, with one entry for each block from the finest to the coarsest.

    `num_attention_heads` is what config.json calls `attention_head_dim`; `down_attention` and
    `up_attention` (in the order of the up blocks) say which blocks attend to the context.
    `camera_features` is how many numbers of a camera are embedded beside the timestep (MVDream:
    16), None for a network that knows no camera.
    """

    in_channels: int
    out_channels: int
    sample_size: int | None
    block_out_channels: tuple[int, ...]
    layers_per_block: tuple[int, ...]
    num_attention_heads: tuple[int, ...]
    transformer_layers_per_block: tuple[int, ...]
    down_attention: tuple[bool, ...]
    up_attention: tuple[bool, ...]
    cross_attention_dim: int
    use_linear_projection: bool
    norm_num_groups: int
    norm_eps: float
    flip_sin_to_cos: bool
    freq_shift: float
    camera_features: int | None = None

    @classmethod
    def from_ldm(cls, fields: Fields) -> "UNetConfig":
        """Read the constructor arguments of ldm's `UNetModel`, or of MVDream's
        `MultiViewUNetModel`: see `diffusers_fields`; UserError as `from_dict`."""
        return cls.from_dict(diffusers_fields(fields))

    @classmethod
    def from_dict(cls, fields: Fields) -> "UNetConfig":
        """Read the fields of diffusers' `UNet2DConditionModel`, with its defaults, or those of
        `MultiViewUNetModel` where `_class_name` is that (`from_ldm`).  A class embedding that
        projects 16 numbers is MVDream's camera embedding, as diffusers can have it.

        UserError naming the first field that asks for something else than Stable Diffusion 1.x
        and 2.x have, such as SDXL's `addition_embed_type`.
        """
        if fields.get("_class_name") == PORT:
            return cls.from_ldm(fields)
        check_class(fields, "_class_name", "UNet2DConditionModel", "UNet")
        fields = _with_camera(fields)
        check_fields(fields, _FIXED, set(_DEFAULTS) | _NO_DIFFERENCE, "UNet")
        read = {**_DEFAULTS, **fields}
        channels = _channels(read)
        layers, heads, depths = (
            per_block(name, read[name], len(channels))
            for name in ("layers_per_block", "attention_head_dim", "transformer_layers_per_block")
        )
        (context,) = per_block("cross_attention_dim", read["cross_attention_dim"], 1, WIDEST)
        check_divisible("block_out_channels", channels, heads, "the number of heads")
        return cls(
            in_channels=whole("in_channels", read["in_channels"]),
            out_channels=whole("out_channels", read["out_channels"]),
            sample_size=side("sample_size", read["sample_size"], LONGEST_LATENTS),
            block_out_channels=channels,
            layers_per_block=layers,
            num_attention_heads=heads,
            transformer_layers_per_block=depths,
            down_attention=tuple(name == _DOWN[0] for name in read["down_block_types"]),
            up_attention=tuple(name == _UP[0] for name in read["up_block_types"]),
            cross_attention_dim=context,
            use_linear_projection=flag("use_linear_projection", read["use_linear_projection"]),
            norm_num_groups=read["norm_num_groups"],
            norm_eps=number("norm_eps", read["norm_eps"]),
            flip_sin_to_cos=flag("flip_sin_to_cos", read["flip_sin_to_cos"]),
            freq_shift=number("freq_shift", read["freq_shift"], positive=False),
            camera_features=_camera(read["camera_features"]),
        )

    @property
    def extent(self) -> Extent:
        """Ten tensors of a residual layer, twenty of a transformer's."""
        residual = 2 * sum(self.layers_per_block)
        widths = {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "cross_attention_dim": self.cross_attention_dim,
            "block_out_channels": max(self.block_out_channels),
            "camera_features": self.camera_features or 1,
        }
        return Extent(10 * residual + 20 * self._transformer_layers(), widths)

    def _transformer_layers(self) -> int:
        """Of all blocks; the one in the middle has as many as the coarsest."""
        counts = self.transformer_layers_per_block[-1]
        levels = zip(
            self.transformer_layers_per_block,
            self.layers_per_block,
            self.down_attention,
            reversed(self.up_attention),
            strict=True,
        )
        for depth, layers, down, up in levels:
            counts += depth * (layers * down + (layers + 1) * up)
        return counts


def _with_camera(fields: Fields) -> Fields:
    """`camera_features` for the class embedding that is one."""
    projects = fields.get("class_embed_type") == "projection"
    if not projects or fields.get("projection_class_embeddings_input_dim") != CAMERA_NUMBERS:
        return fields
    own = {"class_embed_type": None, "projection_class_embeddings_input_dim": None}
    return {**fields, **own, "camera_features": CAMERA_NUMBERS}


def _camera(features: Any) -> int | None:
    return None if features is None else whole("camera_features", features)


def _channels(read: Fields) -> tuple[int, ...]:
    """The channels of each block, which has to be of a known type on both ways."""
    channels = wholes("block_out_channels", read["block_out_channels"])
    groups = whole("norm_num_groups", read["norm_num_groups"])
    down, up = (listed(name, read[name]) for name in ("down_block_types", "up_block_types"))
    check_types("down_block_types", down, _DOWN)
    check_types("up_block_types", up, _UP)
    if not len(channels) == len(down) == len(up):
        raise UserError(
            f"The UNet has {len(channels)} block_out_channels, {len(down)} down_block_types "
            f"and {len(up)} up_block_types, expected equally many."
        )
    check_divisible("block_out_channels", channels, (groups,) * len(channels), "norm_num_groups")
    return channels


_DEFAULTS = {
    "sample_size": None,
    "in_channels": 4,
    "out_channels": 4,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "norm_eps": 1e-5,
    "cross_attention_dim": 1280,
    "transformer_layers_per_block": 1,
    "attention_head_dim": 8,
    "use_linear_projection": False,
    "camera_features": None,
}
