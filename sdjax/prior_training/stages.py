"""The two stages of a run, each from its last checkpoint on."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sdjax.prior_training.autoencoder_stage import autoencoder_loss, latents_of, standardised
from sdjax.prior_training.build import make_plan
from sdjax.prior_training.diffusion_stage import Denoiser, diffusion_loss, embedded
from sdjax.prior_training.fitting import Loss, Params, Plan, Report, State, fit
from sdjax.prior_training.model import Model
from sdjax.prior_training.samples import sample_sheet
from sdjax.prior_training.sources import Source
from sdjax.reports.pictures import Pixels, save_png
from sdjax.reports.progress import Progress
from sdjax.reports.scalars import Scalars
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.sampling import Sampling

AUTOENCODER, DIFFUSION = 3, 4  # second number of the generators' seeds
_MEASURED = 2048  # pictures from which the scale of the latents is taken


class Place(NamedTuple):
    """Where a stage leaves its state, and who may interrupt it or look on.

    config, check: of the run, as `Checkpoints` takes them.
    asked: the number of a signal after which it saves and ends, or None.
    due: whether a checkpoint is wanted besides those of the plan.
    seen: called with the stage's name and what each chunk was like.
    sheets: whether pictures are drawn beside the checkpoints of the plan, which needs Pillow.
    """

    folder: Path
    config: Mapping[str, Any] | None = None
    check: Callable[[Any, str], None] = lambda stored, where: None
    asked: Callable[[], int | None] = lambda: None
    due: Callable[[], bool] = lambda: False
    seen: Callable[[str, Report], None] = lambda stage, chunk: None
    sheets: bool = True


def train_autoencoder(config: ConfigDict, model: Model, source: Source, place: Place) -> Model:
    """The model with its autoencoder trained, and latents of mean 0 and variance 1."""
    if not config.autoencoder.steps:
        return model
    plan, autoencoder = make_plan(config, config.autoencoder), model.networks.autoencoder

    def batches(generator: np.random.Generator):
        return (source.batch(generator, plan.batch).values,)

    loss = partial(autoencoder_loss, autoencoder, config.autoencoder.kl)
    seed = config.seed, AUTOENCODER
    params = _fitted("autoencoder", loss, model.params["vae"], batches, plan, seed, place)
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
    denoiser = Denoiser(
        model.networks.unet,
        model.networks.text,
        model.scheduler.schedule,
        model.scheduler.prediction_type,
        config.diffusion.timestep_power,
    )
    factor = model.networks.autoencoder.config.scaling_factor
    encode = jax.jit(partial(latents_of, model.networks.autoencoder))
    embed = jax.jit(partial(embedded, model.networks.text))
    latents = source.encoded(lambda given: factor * np.asarray(encode(model.params["vae"], given)))
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
    return trained(_fitted("diffusion", loss, start, batches, plan, seed, place, sheets))


def draw_samples(config: ConfigDict, model: Model) -> Pixels:
    """The sheet that the config's `report` describes."""
    report = config.report
    overhead = config.data.get("overhead", 60.0)
    sampling = Sampling(report.guidance_scale, report.steps)
    return sample_sheet(model, report.prompts, report.seeds, overhead, sampling)


def _last_step(checkpoints: Path) -> int:
    """Of the last checkpoint there; what was logged up to then stays."""
    return max((int(path.name) for path in checkpoints.glob("*") if path.name.isdigit()), default=0)


def _fitted(
    name: str,
    loss: Loss,
    start: Params,
    batches: Any,
    plan: Plan,
    seed: tuple[int, ...],
    place: Place,
    show: Any = None,
) -> Params:
    """`fit` with checkpoints, scalars, a line of progress and, beside checkpoints, `show`."""
    stored = place.folder / "checkpoints" / name
    with (
        Checkpoints(stored, config=place.config, check=place.check) as checkpoints,
        Scalars(place.folder / name, _last_step(stored) + 1) as scalars,
        Progress(plan.steps, name) as progress,
    ):

        def report(chunk: Report) -> None:
            scalars.log(chunk.step, chunk.terms)
            progress.update(chunk.step, chunk.terms)
            if chunk.saved and show is not None:
                show(chunk.state, chunk.step)
            place.seen(name, chunk)

        asked, due = place.asked, place.due
        return fit(loss, start, batches, plan, seed, checkpoints, report, asked, due)
