"""The work of a latent diffusion model's networks, and the model with random weights."""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from sdjax.benchmarks.architectures import architecture
from sdjax.benchmarks.work import Work, random_like, random_params
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.schedule import scaled_linear
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.priors.stable_diffusion import StableDiffusionPrior
from sdjax.text.views import Prompting

TOKENS = 77  # of a prompt
TIMESTEP, GUIDANCE_SCALE = 500, 7.5  # neither changes the work
ACTIVATIONS = jnp.float32  # of latents, contexts and images


def guided_prediction(model: str, batch: int, image_size: int, dtype: Any) -> Work:
    """One guided noise prediction for `batch` latents of images of `image_size` pixels: the UNet
    on 2 x `batch` latents.  Arguments: parameters, latents, context of the prompt and of the
    empty prompt."""
    sizes = architecture(model)
    unet = UNet2DCondition(sizes.unet, dtype, dtype)
    side = image_size // sizes.autoencoder.factor
    latents = jax.ShapeDtypeStruct((batch, side, side, sizes.unet.in_channels), ACTIVATIONS)
    context = jax.ShapeDtypeStruct((batch, TOKENS, sizes.unet.cross_attention_dim), ACTIVATIONS)

    def predict(params, x, positive, unconditional):
        apply = lambda x, t, context: unet.apply({"params": params}, x, t, context)  # noqa: E731
        predictor = NetworkPredictor(apply, Branches(positive, unconditional))
        return predictor(x, TIMESTEP, GUIDANCE_SCALE)

    return Work(predict, (_shapes(unet), latents, context, context))


def encode_with_gradient(model: str, batch: int, image_size: int, dtype: Any) -> Work:
    """The latents of images [-1, 1] of `image_size` pixels, and the gradient with respect to the
    images of their product with a cotangent.  Arguments: parameters, images, cotangent."""
    sizes = architecture(model).autoencoder
    autoencoder = AutoencoderKL(sizes, dtype, dtype)
    images = jax.ShapeDtypeStruct((batch, image_size, image_size, sizes.in_channels), ACTIVATIONS)
    side = image_size // sizes.factor
    latents = jax.ShapeDtypeStruct((batch, side, side, sizes.latent_channels), ACTIVATIONS)

    def encode(params, images, cotangent):
        mean = lambda images: autoencoder.apply(  # noqa: E731
            {"params": params}, images, method="encode"
        ).mean.astype(ACTIVATIONS)
        value, pull = jax.vjp(mean, images)
        return value, *pull(cotangent)

    return Work(encode, (_shapes(autoencoder), images, latents))


@cache
def _shapes(network: Any) -> Any:
    """`parameter_shapes`, which take seconds to trace, once for all batches."""
    return parameter_shapes(network)


def with_random_arguments(work: Work, params: Any = None) -> Work:
    """The work of a network, whose parameters come first, with arrays instead of shapes; with
    `params` of another work of that network where they are given."""
    shapes, *inputs = work.arguments
    params = random_params(shapes) if params is None else params
    return work._replace(arguments=(params, *random_like(tuple(inputs))))


def random_stable_diffusion(
    model: str, image_size: int, dtype: Any, autoencoder_dtype: Any, prompting: Prompting
) -> StableDiffusionPrior:
    """A prior with the sizes of `model`, random weights, and random embeddings for every prompt."""
    sizes = architecture(model)
    unet = UNet2DCondition(sizes.unet, dtype, dtype)
    autoencoder = AutoencoderKL(sizes.autoencoder, autoencoder_dtype, autoencoder_dtype)
    return StableDiffusionPrior(
        schedule=scaled_linear(0.00085, 0.012, 1000, set_alpha_to_one=False),
        unet_params=random_params(_shapes(unet)),
        autoencoder_params=random_params(_shapes(autoencoder)),
        unet=unet,
        autoencoder=autoencoder,
        prediction_type="epsilon",
        image_size=image_size,
        embed=partial(_random_embeddings, sizes.unet.cross_attention_dim),
        prompting=prompting,
    )


def _random_embeddings(features: int, prompts: list[str]) -> jax.Array:
    return random_like(jax.ShapeDtypeStruct((len(prompts), TOKENS, features), ACTIVATIONS))
