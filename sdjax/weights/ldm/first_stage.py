"""An autoencoder's numbers in the code that it was trained with."""

from typing import Any

from sdjax.networks.configuration import Fields, check_fields
from sdjax.networks.values import whole, wholes

_FIXED = {"attn_resolutions": [], "double_z": True}
_NO_DIFFERENCE = {"dropout", "attn_type"}
_READ = ("z_channels", "resolution", "in_channels", "out_ch", "ch", "ch_mult", "num_res_blocks")


def first_stage_fields(ddconfig: Fields) -> dict[str, Any]:
    """The fields of diffusers' `AutoencoderKL` for the `ddconfig` of ldm's `AutoencoderKL`: level i
    has ch ch_mult[i] channels; its norms have 32 groups.

    UserError naming the first field that is damaged or asks for something else.
    """
    check_fields(ddconfig, _FIXED, {*_READ, *_NO_DIFFERENCE}, "autoencoder")
    read = {name: ddconfig.get(name) for name in _READ}
    multiples, width = wholes("ch_mult", read["ch_mult"]), whole("ch", read["ch"])
    return {
        "in_channels": read["in_channels"],
        "out_channels": read["out_ch"],
        "latent_channels": read["z_channels"],
        "block_out_channels": tuple(width * multiple for multiple in multiples),
        "down_block_types": ("DownEncoderBlock2D",) * len(multiples),
        "up_block_types": ("UpDecoderBlock2D",) * len(multiples),
        "layers_per_block": read["num_res_blocks"],
        "sample_size": read["resolution"],
    }
