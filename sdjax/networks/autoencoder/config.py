"""What an autoencoder's config.json says."""

from dataclasses import dataclass

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
from sdjax.networks.values import listed, number, side, whole, wholes

_FIXED = {
    "act_fn": "silu",
    "latents_mean": None,
    "latents_std": None,
    "mid_block_add_attention": True,
    "shift_factor": None,
    "use_post_quant_conv": True,
    "use_quant_conv": True,
}
_NO_DIFFERENCE = {
    "force_upcast",  # a choice of dtype, which is the caller's
}
_DEFAULTS = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ("DownEncoderBlock2D",),
    "up_block_types": ("UpDecoderBlock2D",),
    "block_out_channels": (64,),
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 32,
    "sample_size": 32,
    "scaling_factor": 0.18215,
}


@dataclass(frozen=True)
class AutoencoderConfig:
    """The architecture, its blocks from the finest to the coarsest.

    `scaling_factor` times the autoencoder's latents are those of the diffusion model.
    """

    in_channels: int
    out_channels: int
    latent_channels: int
    block_out_channels: tuple[int, ...]
    layers_per_block: int
    norm_num_groups: int
    sample_size: int
    scaling_factor: float

    @property
    def factor(self) -> int:
        """Pixels of the image along one pixel of the latents."""
        return 2 ** (len(self.block_out_channels) - 1)

    @classmethod
    def from_dict(cls, fields: Fields) -> "AutoencoderConfig":
        """Read the fields of diffusers' `AutoencoderKL`, with its defaults.

        UserError naming the first field that asks for something else than Stable Diffusion 1.x
        and 2.x have.
        """
        check_class(fields, "_class_name", "AutoencoderKL", "autoencoder")
        check_fields(fields, _FIXED, set(_DEFAULTS) | _NO_DIFFERENCE, "autoencoder")
        read = {**_DEFAULTS, **fields}
        channels = wholes("block_out_channels", read["block_out_channels"])
        for name in ("down_block_types", "up_block_types"):
            types = listed(name, read[name])
            check_types(name, types, _DEFAULTS[name])
            if len(types) != len(channels):
                raise UserError(
                    f"The autoencoder has {len(channels)} block_out_channels and "
                    f"{len(types)} {name}, expected equally many."
                )
        groups = whole("norm_num_groups", read["norm_num_groups"])
        check_divisible(
            "block_out_channels", channels, (groups,) * len(channels), "norm_num_groups"
        )
        (layers,) = per_block("layers_per_block", read["layers_per_block"], 1)
        return cls(
            block_out_channels=channels,
            layers_per_block=layers,
            norm_num_groups=groups,
            sample_size=side("sample_size", read["sample_size"]) or _DEFAULTS["sample_size"],
            scaling_factor=number("scaling_factor", read["scaling_factor"]),
            **{
                name: whole(name, read[name])
                for name in ("in_channels", "out_channels", "latent_channels")
            },
        )

    @property
    def extent(self) -> Extent:
        """Eight tensors of a residual layer, down and up."""
        return Extent(
            16 * self.layers_per_block * len(self.block_out_channels),
            {
                "in_channels": self.in_channels,
                "out_channels": self.out_channels,
                "latent_channels": self.latent_channels,
                "block_out_channels": max(self.block_out_channels),
            },
        )
