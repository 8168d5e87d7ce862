"""What the autoencoder learns, and how its latents get mean 0 and variance 1."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from sdjax.config.fields import number
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.prior_training.fitting import fields_of_stage

Pictures = UInt8[Array, "batch height width 3"]
Params = Any
FIELDS = {
    **fields_of_stage(
        steps=1500,
        batch=16,
        learning_rate=2e-3,
        warmup=50,
        weight_decay=1e-4,
        average=0.99,
        clip=1.0,
    ),
    "kl": number(at_least=0).of(1e-6, "weight of the latents' distance from a standard normal"),
}


def signed(pictures: Pictures) -> Float[Array, "batch height width 3"]:
    """8 bits as [-1, 1]."""
    return jnp.asarray(pictures, jnp.float32) / 127.5 - 1.0


def autoencoder_loss(
    autoencoder: AutoencoderKL,
    kl_weight: float,
    params: Params,
    pictures: Pictures,
    key: jax.Array,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """mean (decoded - picture)^2 + `kl_weight` mean KL, and what is logged.

    KL is that of the latents' posterior from the standard normal, per number of the latents:
    (mean^2 + variance - 1 - log variance) / 2 (Kingma and Welling, arXiv 1312.6114, app. B).  No
    perceptual or adversarial term: pictures of the package have flat colours.
    """
    target = signed(pictures)
    posterior = autoencoder.apply({"params": params}, target, method="encode")
    decoded = autoencoder.apply({"params": params}, posterior.sample(key), method="decode")
    error = jnp.mean((decoded.astype(jnp.float32) - target) ** 2)
    variance = jnp.exp(posterior.logvar)
    kl = 0.5 * jnp.mean(posterior.mean**2 + variance - 1.0 - posterior.logvar)
    psnr = -10.0 * jnp.log10(error / 4.0)  # of pictures in [0, 1]
    return error + kl_weight * kl, {"psnr": psnr, "kl": kl}


def latents_of(
    autoencoder: AutoencoderKL, params: Params, pictures: Pictures
) -> Float[Array, "batch h w c"]:
    """The posterior's means."""
    return autoencoder.apply({"params": params}, signed(pictures), method="encode").mean


def standardised(params: Params, latents: Float[np.ndarray, "batch h w c"]) -> Params:
    """The same autoencoder with latents (z - mean) / std of each channel over `latents`.

    The shift and the scale go into `quant_conv` and `post_quant_conv`, so that the scaling factor
    is 1 and every reader of the layout agrees.
    """
    mean, std = latents.mean((0, 1, 2)), latents.std((0, 1, 2))
    quant, post = params["quant_conv"], params["post_quant_conv"]
    scale = np.concatenate([1.0 / std, np.ones_like(std)])
    shift = np.concatenate([-mean / std, -2.0 * np.log(std)])  # of means, and of log variances
    kernel = post["kernel"]
    return {
        **params,
        "quant_conv": {"kernel": quant["kernel"] * scale, "bias": quant["bias"] * scale + shift},
        "post_quant_conv": {
            "kernel": kernel * std[:, None],
            "bias": post["bias"] + jnp.einsum("c,hwco->o", jnp.asarray(mean), kernel),
        },
    }
