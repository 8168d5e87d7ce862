"""What UNet and text encoder learn: to undo noise."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.fields import flag, number, optional
from sdjax.diffusion.prediction import PredictionType, add_noise, velocity
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.networks.clip.text import CLIPText
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.prior_training.fitting import fields_of_stage

Latents = Float[Array, "batch h w c"]
Params = Any
FIELDS = {
    **fields_of_stage(
        steps=5000,
        batch=32,
        learning_rate=1.2e-3,
        warmup=200,
        weight_decay=0.01,
        average=0.999,
        clip=1.0,
    ),
    "trains_text": flag().of(True, "train the text encoder with the UNet"),
    "timestep_power": number(above=0).of(1.0, "above 1: large timesteps more often"),
    "min_snr": optional(number(above=0)).of(
        None, "gamma of min-SNR weights, 5 in its paper; None: all timesteps count alike"
    ),
}


class Denoiser(NamedTuple):
    """What the loss needs besides parameters; static."""

    unet: UNet2DCondition
    text: CLIPText | None  # None where the UNet reads something else
    schedule: NoiseSchedule
    prediction_type: PredictionType
    timestep_power: float = 1.0  # above 1: large timesteps more often, see `spread_timesteps`
    min_snr: float | None = None  # see `min_snr_weights`


def diffusion_loss(
    denoiser: Denoiser,
    params: Params,
    latents: Latents,
    text: Int[Array, "batch tokens"] | Float[Array, "batch tokens features"],
    key: jax.Array,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """`denoising_loss` of the UNet that reads a text.

    `params` has "unet" and, where it learns, "text_encoder": then `text` are ids of tokens, else
    embeddings.
    """
    if "text_encoder" in params:
        text = embedded(denoiser.text, params["text_encoder"], text)

    def network(noisy: Latents, t: Int[Array, "batch"]) -> Latents:
        return denoiser.unet.apply({"params": params["unet"]}, noisy, t, text)

    return denoising_loss(denoiser, network, latents, key)


def denoising_loss(
    denoiser: Denoiser,
    network: Callable[[Latents, Int[Array, "batch"]], Latents],
    latents: Latents,
    key: jax.Array,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """mean w_t (network(x_t, t) - target)^2 (Ho et al., arXiv 2006.11239, eq. 14).

    The target is the noise or the velocity alpha eps - sigma x_0 (Salimans and Ho, arXiv
    2202.00512, app. D).  Timesteps are those of `spread_timesteps`, weights w_t are 1 or those of
    `min_snr_weights`; with these the log has the plain mean, "error".
    """
    t_key, noise_key = jax.random.split(key)
    count = denoiser.schedule.num_timesteps
    t = spread_timesteps(t_key, len(latents), count, denoiser.timestep_power)
    noise = jax.random.normal(noise_key, latents.shape)
    noisy = add_noise(denoiser.schedule, latents, noise, t)
    output = network(noisy, t)
    target = noise
    if denoiser.prediction_type == "v_prediction":
        target = velocity(denoiser.schedule, latents, noise, t)
    errors = jnp.mean((output.astype(jnp.float32) - target) ** 2, axis=(1, 2, 3))
    if denoiser.min_snr is None:
        return jnp.mean(errors), {}
    weights = min_snr_weights(denoiser.schedule, t, denoiser.min_snr, denoiser.prediction_type)
    return jnp.mean(weights * errors), {"error": jnp.mean(errors)}


def min_snr_weights(
    schedule: NoiseSchedule, t: Int[Array, "batch"], gamma: float, prediction_type: PredictionType
) -> Float[Array, "batch"]:
    """min(SNR, gamma) / SNR for noise, min(SNR, gamma) / (SNR + 1) for velocities.

    SNR = alphas_cumprod / (1 - alphas_cumprod).  Both weigh the error of x_0 by min(SNR, gamma), so
    that small timesteps, whose tasks are many and easy, do not outweigh the large ones (Hang et
    al., arXiv 2303.09556, eq. 5 and app. A).
    """
    signal = schedule.alphas_cumprod[t]
    snr = signal / (1.0 - signal)
    total = snr + 1.0 if prediction_type == "v_prediction" else snr
    return jnp.minimum(snr, gamma) / total


def embedded(encoder: Any, params: Params, ids: Int[Array, "batch tokens"]) -> Array:
    """[batch, tokens, features]: what the UNet reads of captions, by a `CLIPText`."""
    return encoder.apply({"params": params}, ids).last_hidden_state


def spread_timesteps(
    key: jax.Array, size: int, count: int, power: float = 1.0
) -> Int[Array, "{size}"]:
    """count s_i^(1 / power), rounded down, with s_i = (u + i / size) mod 1 and one uniform u.

    Each has a density proportional to t^(power - 1) on 0 .. count - 1, and together they are
    spread over it evenly.  What an object is and from where it is seen is decided by large
    timesteps, outlines by small ones.
    """
    position = jnp.mod(jax.random.uniform(key) + jnp.arange(size) / size, 1.0)
    return jnp.int32(position ** (1.0 / power) * count) % count
