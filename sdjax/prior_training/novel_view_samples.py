"""What a Zero-1-to-3 in training draws: other views of pictures, and a sheet of them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sdjax.cameras import Camera
from sdjax.config.fields import number, several, whole
from sdjax.prior_training.autoencoder_stage import latents_of
from sdjax.prior_training.novel_view_model import ViewModel, image_size
from sdjax.prior_training.novel_view_stage import embeddings_of
from sdjax.prior_training.novel_view_trials import Trials
from sdjax.priors.novel_view import Conditioning, Zero123Prior
from sdjax.priors.reference import Reference
from sdjax.reports.pictures import Pixels, contact_sheet
from sdjax.runs.sampling import DDIM, Sampling, sample_seed

ROWS = 9  # of a sheet
REPORT = {
    "azimuths": several(number()).of(
        (0.0, 30.0, 90.0, 180.0, 270.0), "of the views drawn, degrees from the picture's"
    ),
    "seeds": whole(at_least=1).of(3, "of each picture"),
    "guidance_scale": DDIM["guidance_scale"].of(2.0),
    "steps": DDIM["steps"].of(25),
    "held_out": whole(at_least=1).of(36, "objects by which it is judged; nine of them are shown"),
}


def draw_trials(
    model: ViewModel, trials: Trials, seeds: int, sampling: Sampling
) -> Float[np.ndarray, "trials seeds targets h w 3"]:
    """Seed k of every picture: all its views from one noise (`sdjax.runs.sampling`)."""
    seen = conditioned(model, trials)
    camera = jax.tree.map(lambda values: jnp.asarray(values)[:, None], trials.camera)
    cameras = jax.tree.map(jnp.asarray, trials.cameras)
    prior = _prior(model, *(jax.tree.map(lambda leaf: leaf[0], one) for one in (seen, camera)))
    return np.asarray(_draw(prior, (seen, camera, cameras), jnp.arange(seeds), sampling))


def conditioned(model: ViewModel, trials: Trials) -> Conditioning:
    """Of every picture, as `sdjax.priors.zero123.load` makes it."""
    latents = jax.jit(partial(latents_of, model.networks.autoencoder))
    embeddings = jax.jit(partial(embeddings_of, model))
    return Conditioning(
        embeddings(model.params["image_encoder"], trials.pictures),
        latents(model.params["vae"], trials.pictures),
    )


def _prior(model: ViewModel, conditioning: Conditioning, camera: Camera) -> Zero123Prior:
    """In float32, of one picture: the same static fields for all parameters and pictures."""
    size = image_size(model)
    return Zero123Prior(
        **model.scheduler._asdict(),
        unet_params=model.params["unet"],
        autoencoder_params=model.params["vae"],
        unet=model.networks.unet,
        autoencoder=model.networks.autoencoder,
        image_size=size,
        projection=model.networks.projection,
        projection_params=model.params["cc_projection"],
        reference=Reference(jnp.ones((size, size, 3)), jnp.ones((size, size, 1)), camera),
        conditioning=conditioning,
    )


@partial(jax.jit, static_argnames="sampling")
def _draw(prior, rows, seeds, sampling):
    """Compiled once for a run."""

    def of_picture(row):
        conditioning, camera, cameras = row
        own = prior.replace(reference=prior.reference._replace(camera=camera))
        draw = partial(sample_seed, own, conditioning, cameras)
        return jax.lax.map(lambda seed: draw(seed, prior.image_size, sampling), seeds)

    return jax.lax.map(of_picture, rows)


def view_sheet(trials: Trials, drawn: Float[np.ndarray, "trials seeds targets h w 3"]) -> Pixels:
    """A row per picture: itself, its true other views, then those of each seed."""
    pictures = np.round(255.0 * np.clip(drawn, 0.0, 1.0)).astype(np.uint8)
    rows = [
        [trials.pictures[row], *trials.truths[row], *pictures[row].reshape(-1, *pictures.shape[3:])]
        for row in range(min(ROWS, len(trials.names)))
    ]
    blank = [""] * (trials.truths.shape[1] - 1)
    seeds = [[f"seed {seed}", *blank] for seed in range(pictures.shape[1])]
    labels = ["picture", "true views", *blank, *(label for seed in seeds for label in seed)]
    return contact_sheet(rows, trials.names[: len(rows)], labels)
