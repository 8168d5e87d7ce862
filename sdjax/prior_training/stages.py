"""The two stages of a small Stable Diffusion, each from its last checkpoint on."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sdjax.prior_training.autoencoder_stage import autoencoder_loss, latents_of, standardised
from sdjax.prior_training.build import make_plan
from sdjax.prior_training.diffusion_stage import Denoiser, diffusion_loss, embedded
from sdjax.prior_training.fitting import Params, State
from sdjax.prior_training.model import Model
from sdjax.prior_training.place import Place, fitted
from sdjax.prior_training.samples import sample_sheet
from sdjax.prior_training.sources import Encode, Source
from sdjax.reports.pictures import Pixels, save_png
from sdjax.runs.sampling import Sampling

AUTOENCODER, DIFFUSION = 3, 4  # second number of the generators' seeds
_MEASURED = 2048  # pictures from which the scale of the latents is taken


def train_autoencoder(config: ConfigDict, model: Model, source: Source, place: Place) -> Model:
    """The model with its autoencoder trained, and latents of mean 0 and variance 1."""
    if not config.autoencoder.steps:
        return model
    plan, autoencoder = make_plan(config, config.autoencoder), model.networks.autoencoder

    def batches(generator: np.random.Generator):
        return (source.batch(generator, plan.batch).values,)

    def loss(params: Params, *batch_and_key: Any):
        return autoencoder_loss(autoencoder, config.autoencoder.kl, params["vae"], *batch_and_key)

    seed, start = (config.seed, AUTOENCODER), {"vae": model.params["vae"]}
    params = fitted("autoencoder", loss, start, batches, plan, seed, place)["vae"]
    if config.model.name == "new":
        some = source.batch(np.random.default_rng(seed), _MEASURED).values
        encode = jax.jit(partial(latents_of, autoencoder))
        parts = [np.asarray(encode(params, some[i : i + 256])) for i in range(0, len(some), 256)]
        params = standardised(params, np.concatenate(parts))
    return model._replace(params={**model.params, "vae": jax.tree.map(jnp.asarray, params)})


def train_diffusion(config: ConfigDict, model: Model, source: Source, place: Place) -> Model:
    """The model with its UNet trained, and its text encoder unless the config leaves it."""
    plan = make_plan(config, config.diffusion)
    if not plan.steps:
        return model
    denoiser, encode = make_denoiser(config.diffusion, model), latent_encoder(model)
    embed = jax.jit(partial(embedded, model.networks.text))
    latents = source.encoded(encode)
    learns_text = config.diffusion.trains_text

    def batches(generator: np.random.Generator):
        batch = latents.batch(generator, plan.batch)
        ids = model.tokenize(batch.captions)
        return batch.values, ids if learns_text else embed(model.params["text_encoder"], ids)

    def trained(params: Params) -> Model:
        return model._replace(params={**model.params, **params})

    def show(state: State, step: int) -> None:
        place.folder.joinpath("sheets").mkdir(exist_ok=True)
        on_one_device = jax.tree.map(np.asarray, state.average)
        sheet = draw_samples(config, trained(on_one_device))
        save_png(place.folder / "sheets" / f"samples_{step}.png", sheet)

    # What does not learn is no part of the state: weight decay would shrink it all the same.
    learning = ("unet", "text_encoder") if learns_text else ("unet",)
    start = {name: model.params[name] for name in learning}
    loss, seed = partial(diffusion_loss, denoiser), (config.seed, DIFFUSION)
    sheets = show if place.sheets else None
    return trained(fitted("diffusion", loss, start, batches, plan, seed, place, sheets))


def make_denoiser(stage: ConfigDict, model: Model) -> Denoiser:
    """What the loss of a stage with `diffusion_stage.FIELDS` needs besides parameters."""
    return Denoiser(
        model.networks.unet,
        model.networks.text,
        model.scheduler.schedule,
        model.scheduler.prediction_type,
        stage.timestep_power,
        stage.min_snr,
    )


def latent_encoder(model: Model) -> Encode:
    """From pictures to the latents that the UNet sees: the posterior's means, scaled."""
    factor = model.networks.autoencoder.config.scaling_factor
    encode = jax.jit(partial(latents_of, model.networks.autoencoder))
    return lambda pictures: factor * np.asarray(encode(model.params["vae"], pictures))


def draw_samples(config: ConfigDict, model: Model) -> Pixels:
    """The sheet that the config's `report` describes."""
    report = config.report
    overhead = config.data.get("overhead", 60.0)
    sampling = Sampling(report.guidance_scale, report.steps)
    shown = report.prompts, report.seeds, overhead, sampling, report.get("directions", 4)
    return sample_sheet(model, *shown)
