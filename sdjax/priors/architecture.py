"""The networks that a checkpoint's configurations describe, and the size of its pictures."""

import warnings
from typing import NamedTuple

from sdjax.config.errors import UserError
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.clip.config import TextConfig
from sdjax.networks.configuration import Fields
from sdjax.networks.unet.config import UNetConfig
from sdjax.priors.roles import TEXT_TO_IMAGE, check_role

FAR = 1.5  # times smaller or larger than in training, as 512 pixels of a checkpoint for 768


class Architecture(NamedTuple):
    """Configurations that fit together."""

    unet: UNetConfig
    autoencoder: AutoencoderConfig

    def check_text(self, text: TextConfig) -> None:
        """UserError if the UNet does not read what the text encoder writes."""
        written, read = text.encoder.hidden_size, self.unet.cross_attention_dim
        if written != read:
            raise UserError(
                f"The text encoder has {written} features and the UNet reads {read}; take both "
                "from the same model."
            )

    def image_size(self, given: int | None) -> int:
        """Pixels along an edge: as `given`, or those of the training data where that is None.

        UserError if the networks cannot have that size; a warning where the checkpoint was trained
        for a far smaller or larger one.
        """
        size = self._own_size() if given is None else given
        multiple = self.autoencoder.factor * 2 ** (len(self.unet.block_out_channels) - 1)
        if size % multiple:
            nearest = max(multiple, round(size / multiple) * multiple)
            raise UserError(
                f"image_size is {size}, expected a multiple of {multiple} for these networks; "
                f"the nearest is {nearest}."
            )
        self._compare_with_training(size)
        return size

    def _own_size(self) -> int:
        latents = self.unet.sample_size
        return latents * self.autoencoder.factor if latents else self.autoencoder.sample_size

    def _compare_with_training(self, size: int) -> None:
        own = self._own_size()
        if self.unet.sample_size and max(size, own) >= FAR * min(size, own):
            warnings.warn(
                f"image_size is {size}, while the checkpoint was trained for {own} pixels and is "
                f"worse at other sizes; take {own} (config.prior.image_size in a run), or a "
                f"checkpoint that was trained for about {size}.",
                stacklevel=4,
            )


def architecture(unet: Fields, vae: Fields, role: str = TEXT_TO_IMAGE) -> Architecture:
    """Read from the fields of two config.json files; UserError for what is not supported, or is not
    of the prior whose name is `role`."""
    made = Architecture(unet_config(unet), AutoencoderConfig.from_dict(vae))
    check_role(*made, role)
    return made


def unet_config(fields: Fields) -> UNetConfig:
    """Of a UNet of diffusers, or by the constructor's numbers of the code that it was trained with,
    which MVDream's folders have."""
    is_original = "model_channels" in fields
    return UNetConfig.from_ldm(fields) if is_original else UNetConfig.from_dict(fields)
