"""The prior that a config asks for."""

from typing import Any

import jax.numpy as jnp
from ml_collections import ConfigDict

from sdjax.cameras import Camera
from sdjax.objects.prompts import all_objects, find
from sdjax.priors import stable_diffusion
from sdjax.priors.embedded import EmbeddedPrior, bank_cameras, build
from sdjax.priors.prior import Prior
from sdjax.text.perp_neg import Decay, DecayingWeights, stepped_weights
from sdjax.text.views import Prompting, Thresholds, ViewPrompts

NEED_THE_UNCONDITIONAL = ("csd", "nfsd")  # whatever their scales are
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def make_prior(config: ConfigDict, resolution: int) -> Prior:
    """The prior of a training config, for renderings of up to `resolution` pixels."""
    if config.prior.name == "stable_diffusion":
        return make_stable_diffusion(config.prior, config.prior.image_size)
    return make_embedded(config, resolution)


def make_embedded(config: ConfigDict, resolution: int) -> EmbeddedPrior:
    """The embedded prior of the prompt's objects, or of all where a scale is not 1: only then
    the unconditional prediction, the mixture over everything, is asked for."""
    scales = [value for name, value in config.rule.items() if name.endswith("guidance_scale")]
    needs_all = config.rule.name in NEED_THE_UNCONDITIONAL
    return build(
        all_objects() if needs_all else objects_for(config.prompt, scales),
        embedded_cameras(config),
        resolution,
        views=config.prior.views,
        data_std=config.prior.data_std,
    )


def objects_for(prompt: str, guidance_scales: list[float]) -> Any:
    """The objects that the embedded prior must hold."""
    return find(prompt) if all(s == 1.0 for s in guidance_scales) else all_objects()


def embedded_cameras(config: ConfigDict) -> Camera:
    """The cameras of the embedded prior's bank."""
    return spread_cameras(config, config.prior.cameras)


def spread_cameras(config: ConfigDict, number: int) -> Camera:
    """`number` cameras that spread as those of the bank: at the one distance of the config."""
    camera = config.camera
    return bank_cameras(
        number,
        azimuth=config.prior.azimuth,
        elevation=camera.elevation,
        distance=camera.distance[0],
        fovy=camera.fovy[0],
    )


def make_stable_diffusion(
    table: ConfigDict, image_size: int | None
) -> stable_diffusion.StableDiffusionPrior:
    """The checkpoint that the table of the prior names, for images of `image_size` pixels (None:
    those of its training)."""
    return stable_diffusion.load(
        table.weights,
        table.revision,
        image_size=image_size,
        precision=stable_diffusion.Precision(
            unet=DTYPES[table.dtype], autoencoder=DTYPES[table.autoencoder_dtype]
        ),
        remat=table.remat,
        prompting=make_prompting(table.prompts),
    )


def make_prompting(table: ConfigDict) -> Prompting:
    """How prompts for the directions are made from the prompt of the config."""
    decays = {name: Decay(*values) for name, values in table.perp_neg_decays.items()}
    weights = {"off": None, "decaying": DecayingWeights(**decays), "stepped": stepped_weights}
    return Prompting(
        negative_prompt=table.negative,
        view_dependent=table.view_dependent,
        style=table.style,
        given=ViewPrompts(**{name: table[name] for name in ViewPrompts._fields}),
        thresholds=Thresholds(*table.thresholds),
        perp_neg=weights[table.perp_neg],
    )
