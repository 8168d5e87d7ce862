"""The sizes of networks by name: what their config.json files say, as far as it is no default.

Sources: the `unet` and `vae` folders of stable-diffusion-v1-5 and stable-diffusion-2-1-base.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

from sdjax.config.errors import UserError
from sdjax.files.plain_files import read_json
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.unet.config import UNetConfig

_SD_AUTOENCODER = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "sample_size": 512,
}

ARCHITECTURES: dict[str, dict[str, dict[str, Any]]] = {
    "sd15": {
        "unet": {"sample_size": 64, "cross_attention_dim": 768},
        "vae": _SD_AUTOENCODER,
    },
    "sd21_base": {
        "unet": {
            "sample_size": 64,
            "cross_attention_dim": 1024,
            "attention_head_dim": (5, 10, 20, 20),
            "use_linear_projection": True,
        },
        "vae": _SD_AUTOENCODER,
    },
    "small": {  # SD 1.5 with a tenth of the channels: for CPUs
        "unet": {
            "sample_size": 32,
            "block_out_channels": (32, 64, 128, 128),
            "cross_attention_dim": 64,
            "attention_head_dim": 4,
            "norm_num_groups": 8,
        },
        "vae": {
            **_SD_AUTOENCODER,
            "block_out_channels": (16, 32, 64, 64),
            "norm_num_groups": 8,
            "sample_size": 256,
        },
    },
    "tiny": {  # to rehearse
        "unet": {
            "sample_size": 8,
            "block_out_channels": (16, 32),
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "layers_per_block": 1,
            "cross_attention_dim": 16,
            "attention_head_dim": 2,
            "norm_num_groups": 8,
        },
        "vae": {
            "block_out_channels": (8, 16),
            "down_block_types": ("DownEncoderBlock2D",) * 2,
            "up_block_types": ("UpDecoderBlock2D",) * 2,
            "norm_num_groups": 4,
            "sample_size": 16,
        },
    },
}


class Fields(NamedTuple):
    """The fields of both config.json files."""

    unet: dict[str, Any]
    vae: dict[str, Any]


class Architecture(NamedTuple):
    """The networks of a latent diffusion model without weights."""

    unet: UNetConfig
    autoencoder: AutoencoderConfig


def fields_of(name: str) -> Fields:
    """Those of a name in `ARCHITECTURES`, or of a folder in diffusers' layout, of which only the
    config.json files are read; `UserError` if it is neither, or damaged."""
    if name in ARCHITECTURES:
        return Fields(**ARCHITECTURES[name])
    folder = Path(os.path.expanduser(name))
    files = [folder / component / "config.json" for component in Fields._fields]
    if not all(file.is_file() for file in files):
        known = ", ".join(ARCHITECTURES)
        raise UserError(
            f"The model '{name}' is neither one of {known} nor a folder in diffusers' layout with "
            f"{files[0]} and {files[1]}."
        )
    return Fields(*(read_json(file, "the configuration of a network") for file in files))


def architecture(name: str) -> Architecture:
    """The sizes of `fields_of(name)`, checked."""
    fields = fields_of(name)
    return Architecture(UNetConfig.from_dict(fields.unet), AutoencoderConfig.from_dict(fields.vae))
