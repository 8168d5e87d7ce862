"""How MVDream is trained: four views of a scene under one timestep, single views in between."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from ml_collections import ConfigDict

from sdjax.config.fields import flag, fraction
from sdjax.prior_training import diffusion_stage
from sdjax.prior_training.build import make_plan
from sdjax.prior_training.diffusion_stage import Denoiser, Params, denoising_loss, embedded
from sdjax.prior_training.fitting import State, fields_of_stage
from sdjax.prior_training.model import Model
from sdjax.prior_training.multiview_samples import draw_samples
from sdjax.prior_training.multiview_sources import Source
from sdjax.prior_training.place import Place, fitted
from sdjax.prior_training.stages import latent_encoder, make_denoiser
from sdjax.reports.pictures import save_png

_SEED = 5  # second number of the generators' seeds
_PLAN = fields_of_stage(
    steps=4000,
    batch=8,
    learning_rate=4e-4,
    warmup=200,
    weight_decay=0.01,
    average=0.999,
    clip=1.0,
)
FIELDS = {
    **diffusion_stage.FIELDS,
    **_PLAN,
    "batch": _PLAN["batch"].says("scenes of a step, four views each"),
    "trains_text": flag().of(False, "train the text encoder with the UNet"),
    "single": fraction().of(
        0.3, "part of the steps that show every view by itself, without its camera"
    ),
}


def multiview_loss(
    denoiser: Denoiser,
    single: float,
    params: Params,
    latents: Float[Array, "scenes views h w c"],
    cameras: Float[Array, "scenes views 16"],
    text: Int[Array, "scenes tokens"] | Float[Array, "scenes tokens features"],
    key: jax.Array,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """`denoising_loss` of a UNet that sees the views of a scene together (arXiv 2308.16512, eq. 1).

    All views of a scene have one timestep, a noise each, and the scene's text; the UNet is told
    their cameras.  With probability `single` a step is one of single views, each with a timestep of
    its own and without a camera, as the paper trains on pictures that are no renderings in 30 % of
    its steps.  `params` and `text` are as of `diffusion_loss`.
    """
    choice, noise_key = jax.random.split(key)
    if "text_encoder" in params:
        text = embedded(denoiser.text, params["text_encoder"], text)
    network = partial(_predicted, denoiser, params, latents.shape[1], cameras, text)
    scenes, views, height, *rest = latents.shape

    def together(key: jax.Array):
        joined = latents.reshape(scenes, views * height, *rest)  # a row, and so a timestep, each
        return denoising_loss(denoiser, partial(network, True), joined, key)

    def alone(key: jax.Array):
        rows = latents.reshape(scenes * views, height, *rest)
        return denoising_loss(denoiser, partial(network, False), rows, key)

    if single in (0.0, 1.0):
        return alone(noise_key) if single else together(noise_key)
    return jax.lax.cond(jax.random.bernoulli(choice, single), alone, together, noise_key)


def _predicted(denoiser, params, views, cameras, text, together, noisy, t):
    """Of scenes, their views one below the other, where they are seen together, else of views."""
    unet = denoiser.unet.clone(frames=views if together else 1)
    rows = noisy.reshape(len(text) * views, -1, *noisy.shape[2:])
    texts = jnp.repeat(text, views, axis=0)
    options = {"camera": cameras.reshape(len(rows), -1)} if together else {}
    t = jnp.repeat(t, len(rows) // len(t))
    return unet.apply({"params": params["unet"]}, rows, t, texts, **options).reshape(noisy.shape)


def train_views(config: ConfigDict, model: Model, source: Source, place: Place) -> Model:
    """The model with its UNet trained, and its text encoder where the config says so."""
    plan, stage = make_plan(config, config.diffusion), config.diffusion
    if not plan.steps:
        return model
    scenes = source.encoded(latent_encoder(model))
    embed = jax.jit(partial(embedded, model.networks.text))

    def batches(generator: np.random.Generator):
        batch = scenes.batch(generator, plan.batch)
        ids = model.tokenize(batch.captions)
        text = ids if stage.trains_text else embed(model.params["text_encoder"], ids)
        return batch.values, batch.cameras, text

    def trained(params: Params) -> Model:
        return model._replace(params={**model.params, **params})

    def show(state: State, step: int) -> None:
        place.folder.joinpath("sheets").mkdir(exist_ok=True)
        sheet = draw_samples(config, trained(jax.tree.map(np.asarray, state.average)))
        save_png(place.folder / "sheets" / f"samples_{step}.png", sheet)

    learning = ("unet", "text_encoder") if stage.trains_text else ("unet",)
    start = {name: model.params[name] for name in learning}
    loss = partial(multiview_loss, make_denoiser(stage, model), stage.single)
    sheets: Any = show if place.sheets else None
    seed = (config.seed, _SEED)
    return trained(fitted("diffusion", loss, start, batches, plan, seed, place, sheets))
