"""Stable Diffusion 1.x and 2.x as a prior: latents, text and one network evaluation."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera
from sdjax.config.errors import UserError
from sdjax.config.fields import flag, optional, text, whole
from sdjax.diffusion.prediction import PredictionType, to_epsilon
from sdjax.diffusion.schedule import NoiseSchedule, from_scheduler_config
from sdjax.dtypes import DTYPE
from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.lora.predictor import AdaptedPredictor
from sdjax.networks.lora.unet import apply_lora, init_lora
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.priors.kind import PriorKind, Wanted
from sdjax.rules.view_bins import (
    ViewBins,
    direction_bins,
    refuse_number,
    single_bin,
    turn_bins,
)
from sdjax.rules.vsd.adapter import Adapter
from sdjax.text.conditioning import Conditioning, branches, condition, for_each_view
from sdjax.text.embeddings import embed
from sdjax.text.encoder import fingerprint, text_encoder
from sdjax.text.views import PROMPTS, Prompting, prompting_of
from sdjax.weights.hub import local_folder
from sdjax.weights.load import load_params

Images = Float[Array, "views height width 3"]
Latents = Float[Array, "views h w c"]
Embed = Callable[[list[str]], Float[Array, "prompts tokens features"]]


class Precision(NamedTuple):
    """In which dtypes the networks compute, and keep their parameters."""

    unet: Any = jnp.bfloat16
    autoencoder: Any = jnp.float32  # its gradient reaches the particle


HALF_PRECISION, VIEW_DEPENDENT = Precision(), Prompting()


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
        t: Int[Array, ""],
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


def load(
    source: str | Path,
    revision: str | None = None,
    *,
    image_size: int | None = None,
    precision: Precision = HALF_PRECISION,
    remat: bool = False,
    prompting: Prompting = VIEW_DEPENDENT,
    cache_dir: str | Path | None = None,
) -> StableDiffusionPrior:
    """The prior of a diffusers folder or hub id.

    Args:
        source: a folder in the layout of diffusers, or a hub id.
        revision: of the hub id.
        image_size: pixels that the autoencoder sees; None for the size of the training data.
        precision: of the networks.
        remat: recompute the networks' activations in the backward pass.
        prompting: how prompts are made, see `sdjax.text.views`.
        cache_dir: where text embeddings are kept, see `sdjax.text.embeddings`.

    Raises:
        ValueError: one sentence about what is missing, damaged or not supported.
    """
    folder = local_folder(source, revision)
    unet_config = UNetConfig.from_dict(_read(folder / "unet" / "config.json"))
    autoencoder_config = AutoencoderConfig.from_dict(_read(folder / "vae" / "config.json"))
    unet = UNet2DCondition(unet_config, precision.unet, precision.unet, remat)
    autoencoder = AutoencoderKL(
        autoencoder_config, precision.autoencoder, precision.autoencoder, remat
    )
    _check_channels(unet_config, autoencoder_config)
    scheduler = _read(folder / "scheduler" / "scheduler_config.json")
    return StableDiffusionPrior(
        schedule=from_scheduler_config(scheduler),
        unet_params=load_params(parameter_shapes(unet), folder / "unet"),
        autoencoder_params=load_params(parameter_shapes(autoencoder), folder / "vae"),
        unet=unet,
        autoencoder=autoencoder,
        prediction_type=scheduler.get("prediction_type", "epsilon"),
        image_size=_image_size(image_size, unet_config, autoencoder_config),
        embed=partial(_embed, folder, cache_dir),
        prompting=prompting,
    )


def _embed(folder: Path, cache_dir: str | Path | None, prompts: list[str]) -> jax.Array:
    """The text encoder lives only as long as prompts are missing in the cache."""
    encode = lambda missing: text_encoder(folder)(missing)  # noqa: E731
    return jnp.asarray(embed(prompts, encode, fingerprint(folder), cache_dir))


def _image_size(given: int | None, unet: UNetConfig, autoencoder: AutoencoderConfig) -> int:
    own = unet.sample_size * autoencoder.factor if unet.sample_size else autoencoder.sample_size
    size = own if given is None else given
    multiple = autoencoder.factor * 2 ** (len(unet.block_out_channels) - 1)
    if size % multiple:
        nearest = max(multiple, round(size / multiple) * multiple)
        raise UserError(
            f"image_size is {size}, expected a multiple of {multiple} for these networks; "
            f"the nearest is {nearest}."
        )
    return size


def _check_channels(unet: UNetConfig, autoencoder: AutoencoderConfig) -> None:
    if not unet.in_channels == unet.out_channels == autoencoder.latent_channels:
        raise UserError(
            f"The UNet takes {unet.in_channels} channels and returns {unet.out_channels}, expected "
            f"the {autoencoder.latent_channels} of the latents for both: a text-to-image model."
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; expected a folder in diffusers' layout.") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is damaged ({error}).") from error


def prompt_bins(prompting: Prompting, number: int | None) -> ViewBins:
    """The bins of a prior that reads the camera in its prompts only: one where they name no
    direction, four where they do, `number` + 1 where Perp-Neg mixes them by the azimuth.

    Raises `ValueError` for Perp-Neg without a number, and for a number without Perp-Neg.
    """
    if prompting.perp_neg is not None:
        if number is None:
            raise UserError(
                "config.rule.ode_bins is None, expected a number such as 16 with Perp-Neg, which "
                "mixes prompts anew for every azimuth."
            )
        return turn_bins(number, overhead=prompting.thresholds.overhead)
    refuse_number(number)
    if not prompting.view_dependent:
        return single_bin()
    return direction_bins(**prompting.thresholds._asdict())


def _make(
    wanted: Wanted,
    *,
    weights: str,
    revision: str | None,
    dtype: Any,
    autoencoder_dtype: Any,
    remat: bool,
    prompts: Mapping[str, Any],
    **run_fields: int | None,
) -> StableDiffusionPrior:
    """For pictures of `image_size` pixels where a run says so, else for those that are wanted."""
    return load(
        weights,
        revision,
        image_size=run_fields.get("image_size", wanted.resolution),
        precision=Precision(unet=dtype, autoencoder=autoencoder_dtype),
        remat=remat,
        prompting=prompting_of(prompts),
    )


def _check(table: Mapping[str, Any], prompt: str) -> None:
    if not table["weights"]:
        raise UserError(
            "config.prior.weights is empty, expected a folder in diffusers' layout or a hub id "
            "such as 'stable-diffusion-v1-5/stable-diffusion-v1-5'."
        )
    prompting_of(table["prompts"])


def _check_run(config: Any) -> None:
    if config.rule.get("ode") == "cached":
        prompt_bins(prompting_of(config.prior.prompts), config.rule.ode_bins)


PRIOR = PriorKind(
    "stable_diffusion",
    _make,
    fields={
        "weights": text().of("", "a folder in diffusers' layout, or a hub id"),
        "revision": optional(text()).of(None, "of the hub id"),
        "dtype": DTYPE.of("bfloat16", "in which the UNet computes"),
        "autoencoder_dtype": DTYPE.of("float32", "the same of the autoencoder"),
        "remat": flag().of(False, "recompute activations in the backward pass, to save memory"),
        "prompts": PROMPTS,
    },
    run_fields={
        "image_size": optional(whole(at_least=8)).of(
            None, "pixels that the autoencoder sees along an edge; None: those of the training"
        )
    },
    check=_check,
    check_run=_check_run,
    has_network=True,
)
