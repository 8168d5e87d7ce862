"""Stable Diffusion 1.x and 2.x as a prior: latents, text and one network evaluation."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera, spread_cameras
from sdjax.config.errors import UserError
from sdjax.diffusion.prediction import PredictionType, to_epsilon
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.lora.predictor import AdaptedPredictor
from sdjax.networks.lora.unet import apply_lora, init_lora
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.rules.view_bins import (
    ViewBins,
    direction_bins,
    nearest_bins,
    refuse_number,
    single_bin,
    turn_bins,
)
from sdjax.rules.vsd.adapter import Adapter
from sdjax.text.conditioning import Conditioning, branches, condition, for_each_view
from sdjax.text.views import Prompting

Images = Float[Array, "views height width 3"]
Latents = Float[Array, "views h w c"]
Embed = Callable[[list[str]], Float[Array, "prompts tokens features"]]

VIEW_DEPENDENT = Prompting()


@struct.dataclass
class StableDiffusionPrior:
    """The networks of one checkpoint; a `Prior`.

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
    embed: Embed = struct.field(pytree_node=False)  # text embeddings of prompts, on the host
    prompting: Prompting = struct.field(pytree_node=False, default=VIEW_DEPENDENT)
    timestep_spacing: str = struct.field(pytree_node=False, default="leading")

    def latent_shape(self, resolution: int) -> tuple[int, int, int]:
        """[h, w, channels] of the latents, the same for every resolution."""
        config = self.autoencoder.config
        size = self.image_size // config.factor
        return size, size, config.latent_channels

    def at_resolution(self, resolution: int) -> "StableDiffusionPrior":
        """Itself."""
        return self

    def condition(self, prompt: str) -> Conditioning:
        """The embeddings of the prompt seen from four directions, and of the negative prompt."""
        return condition(prompt, self.prompting, self.embed)

    def snap(self, camera: Camera) -> Camera:
        """Itself: prompts know every camera."""
        return camera

    def view_bins(self, number: int | None) -> ViewBins:
        """Those that its prompts tell apart."""
        return prompt_bins(self.prompting, number)

    def camera_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """`number` directions, spread evenly over a range of elevations."""
        return spread_bins(number, elevation)

    def picture_camera(self, default: Camera) -> Camera:
        """`default`: any will do."""
        return default

    def truths(self, prompt: str, cameras: Camera, resolution: int) -> None:
        """Nobody knows."""

    def mirrored(self) -> "StableDiffusionPrior":
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
        posterior = self.autoencoder.apply(
            {"params": self.autoencoder_params}, 2.0 * resized - 1.0, method="encode"
        )
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

    def predict_noise(
        self,
        x_t: Float[Array, "batch h w c"],
        t: Int[Array, ""] | Int[Array, "batch"],
        embedding: Float[Array, "batch tokens features"],
    ) -> Float[Array, "batch h w c"]:
        """epsilon(x_t, t): one evaluation of the network, whatever it predicts."""
        output = self.unet.apply({"params": self.unet_params}, x_t, t, embedding)
        return to_epsilon(self.schedule, self.prediction_type, output.astype(x_t.dtype), x_t, t)

    def predictor(self, conditioning: Conditioning, camera: Camera) -> AdaptedPredictor:
        """Each view reads the prompt of its direction, or Perp-Neg's mixture of prompts; a network
        with adapters beside it, which VSD trains, reads the plain prompt."""
        return AdaptedPredictor(
            self.predict_noise,
            branches(conditioning, camera, self.prompting),
            network=partial(apply_lora, self.unet, self.unet_params),
            prompt=for_each_view(conditioning.plain, camera),
        )


def spread_bins(number: int | None, elevation: tuple[float, float]) -> ViewBins:
    """`number` directions, spread evenly over a range of elevations in degrees; raises `ValueError`
    without a number."""
    if number is None:
        raise UserError(
            "config.rule.ode_bins is None, expected a number such as 64 where "
            "config.rule.ode_start is 'world_map': every camera has a start of its own."
        )
    return nearest_bins(spread_cameras(number, elevation=elevation, distance=1.0, fovy=45.0))


def prompt_bins(prompting: Prompting, number: int | None) -> ViewBins:
    """The bins of a prior that reads the camera in its prompts only: one where they name no
    direction, four where they do (five with prompts of the left and the right side), `number` + 1
    where Perp-Neg mixes them by the azimuth (2 `number` + 1).

    Raises `ValueError` for Perp-Neg without a number, and for a number without Perp-Neg.
    """
    if prompting.perp_neg is not None:
        if number is None:
            raise UserError(
                "config.rule.ode_bins is None, expected a number such as 16 with Perp-Neg, which "
                "mixes prompts anew for every azimuth."
            )
        overhead = prompting.thresholds.overhead
        return turn_bins(number, overhead=overhead, two_sides=prompting.two_sides)
    refuse_number(number)
    if not prompting.view_dependent:
        return single_bin()
    return direction_bins(**prompting.thresholds._asdict(), two_sides=prompting.two_sides)
