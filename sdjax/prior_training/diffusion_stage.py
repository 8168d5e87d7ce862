"""What UNet and text encoder learn: to undo noise."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.fields import flag, number
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
}


class Denoiser(NamedTuple):
    """What the loss needs besides parameters; static."""

    unet: UNet2DCondition
    text: CLIPText
    schedule: NoiseSchedule
    prediction_type: PredictionType
    timestep_power: float = 1.0  # above 1: large timesteps more often, see `spread_timesteps`


def diffusion_loss(
    denoiser: Denoiser,
    params: Params,
    latents: Latents,
    text: Int[Array, "batch tokens"] | Float[Array, "batch tokens features"],
    key: jax.Array,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """mean (network(x_t, t, text) - target)^2 (Ho et al., arXiv 2006.11239, eq. 14).

    The target is the noise or the velocity alpha eps - sigma x_0 (Salimans and Ho, arXiv
    2202.00512, app. D).  `params` has "unet" and, where it learns, "text_encoder": then `text` are
    ids of tokens, else embeddings.  Timesteps are those of `spread_timesteps`.
    """
    t_key, noise_key = jax.random.split(key)
    count = denoiser.schedule.num_timesteps
    t = spread_timesteps(t_key, len(latents), count, denoiser.timestep_power)
    noise = jax.random.normal(noise_key, latents.shape)
    noisy = add_noise(denoiser.schedule, latents, noise, t)
    if "text_encoder" in params:
        text = embedded(denoiser.text, params["text_encoder"], text)
    output = denoiser.unet.apply({"params": params["unet"]}, noisy, t, text)
    target = noise
    if denoiser.prediction_type == "v_prediction":
        target = velocity(denoiser.schedule, latents, noise, t)
    return jnp.mean((output.astype(jnp.float32) - target) ** 2), {}


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
