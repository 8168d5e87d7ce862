"""Which prior the weights of a UNet are for, as its inputs tell."""

from sdjax.config.errors import UserError
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.unet.config import UNetConfig

TEXT_TO_IMAGE, MVDREAM, ZERO123 = "stable_diffusion", "mvdream", "zero123"  # names of priors


def check_role(unet: UNetConfig, autoencoder: AutoencoderConfig, role: str) -> None:
    """Raises a UserError for a UNet that is not one of the prior's: another number of channels than
    it is given, no camera embedding where it is told the camera, or one where it is not."""
    channels = autoencoder.latent_channels
    found = _role(unet, channels)
    if found == role:
        return
    wanted = 2 * channels if role == ZERO123 else channels
    expected = f"the {channels} of the latents for both: a text-to-image model"
    if role == ZERO123:
        expected = f"{wanted} and {channels}, those of latents and of a picture's: Zero-1-to-3"
    if role == MVDREAM:
        expected = f"{wanted} for both, and a camera embedding: MVDream"
    camera = " and has a camera embedding" if unet.camera_features else ""
    if role == MVDREAM and not unet.camera_features:
        camera = " and has no camera embedding"
    hint = "" if found is None else f" (these are weights for config.prior.name={found})"
    raise UserError(
        f"The UNet takes {unet.in_channels} channels and returns {unet.out_channels}{camera}, "
        f"expected {expected}{hint}."
    )


def _role(unet: UNetConfig, channels: int) -> str | None:
    """Of a UNet for latents of so many channels; None where it is none of the three."""
    if unet.out_channels != channels:
        return None
    if unet.in_channels == 2 * channels and not unet.camera_features:
        return ZERO123
    if unet.in_channels != channels:
        return None
    return MVDREAM if unet.camera_features else TEXT_TO_IMAGE
