"""What priors of latents share: an autoencoder, a UNet and one evaluation of it."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from sdjax.cameras import Camera
from sdjax.diffusion.prediction import PredictionType
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.lora.unet import init_lora
from sdjax.networks.scaled_gradient import scaled_gradient
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.rules.vsd.adapter import Adapter

Images = Float[Array, "views height width 3"]
Latents = Float[Array, "views h w c"]


@struct.dataclass(kw_only=True)
class LatentPrior:
    """The networks of one checkpoint; what it lacks of a `Prior` is how it is conditioned.

    Images of any size are resized to `image_size` pixels (bilinear) before they are encoded, so
    that the latents are `image_size` / 8 wide whatever the resolution of the renderings; they are
    multiplied by the checkpoint's scaling factor.
    """

    schedule: NoiseSchedule
    unet_params: Any
    autoencoder_params: Any
    unet: UNet2DCondition = struct.field(pytree_node=False)
    autoencoder: AutoencoderKL = struct.field(pytree_node=False)
    prediction_type: PredictionType = struct.field(pytree_node=False)
    image_size: int = struct.field(pytree_node=False)
    timestep_spacing: str = struct.field(pytree_node=False, default="leading")

    views_together = 1
    reference = None

    def latent_shape(self, resolution: int) -> tuple[int, int, int]:
        """[h, w, channels] of the latents, the same for every resolution."""
        config = self.autoencoder.config
        size = self.image_size // config.factor
        return size, size, config.latent_channels

    def at_resolution(self, resolution: int) -> "LatentPrior":
        """Itself."""
        return self

    def snap(self, camera: Camera) -> Camera:
        """Itself: it knows every camera."""
        return camera

    def picture_camera(self, default: Camera) -> Camera:
        """`default`: any will do."""
        return default

    def truths(self, prompt: str, cameras: Camera, resolution: int) -> None:
        """Nobody knows."""

    def mirrored(self) -> "LatentPrior":
        """Itself."""
        return self

    def adapter(self, rank: int, camera_features: int) -> Adapter:
        """Its UNet with a LoRA of that rank, which sees so many numbers of the camera."""
        return Adapter(
            init=partial(init_lora, unet=self.unet, rank=rank, camera_features=camera_features),
            predict=lambda params, predictor, *seen: predictor.adapted(params, *seen),
            prediction_type=self.prediction_type,
        )

    def encode(self, image: Images, key: jax.Array | None = None) -> Latents:
        """scaling_factor (mean + std noise) of images in [0, 1]; without a key the mean."""
        noise = None
        if key is not None:
            noise = jax.random.normal(key, (len(image), *self.latent_shape(self.image_size)))
        return self.encode_with(image, noise)

    def encode_with(self, image: Images, noise: Latents | None) -> Latents:
        """`encode` with the noise given."""
        size = (len(image), self.image_size, self.image_size, 3)
        resized = jax.image.resize(image, size, "bilinear", antialias=False)

        def posterior_of(params, image):
            return self.autoencoder.apply({"params": params}, image, method="encode")

        encode = scaled_gradient(posterior_of, self.autoencoder.dtype)
        posterior = encode(self.autoencoder_params, 2.0 * resized - 1.0)
        latents = posterior.mean
        if noise is not None:
            latents = latents + jnp.exp(0.5 * posterior.logvar) * noise
        return self.autoencoder.config.scaling_factor * latents.astype(jnp.float32)

    def decode(self, latents: Latents) -> Images:
        """Images in [0, 1] of `image_size` pixels."""
        image = self.autoencoder.apply(
            {"params": self.autoencoder_params},
            latents / self.autoencoder.config.scaling_factor,
            method="decode",
        )
        return jnp.clip(0.5 * image.astype(jnp.float32) + 0.5, 0.0, 1.0)
