"""What a checkpoint in training draws: sheets of prompts and views, pictures beside their codes."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from sdjax.cameras import OCTANTS, Camera
from sdjax.config.fields import several, text, whole
from sdjax.prior_training.diffusion_stage import embedded
from sdjax.prior_training.model import Model
from sdjax.priors.stable_diffusion import StableDiffusionPrior
from sdjax.reports.pictures import Pixels, contact_sheet
from sdjax.runs.sampling import DDIM, Sampling, sample_seed
from sdjax.text.conditioning import condition
from sdjax.text.views import COUNT, Prompting, Thresholds

AZIMUTHS = {  # of the views of a sheet, by the number of directions that prompts name
    4: {"front": 0.0, "side": 90.0, "back": 180.0, "overhead": 0.0},
    8: {**{name: 45.0 * k for k, name in enumerate(OCTANTS)}, "overhead": 0.0},
}
PROMPTS = (
    "a red mug",
    "a blue car",
    "a yellow chair",
    "a white house with a green roof",
    "a purple teapot",
    "a green tree",
    "an orange sailboat",
    "a teal rocket",
)
REPORT = {
    "prompts": several(text()).of(PROMPTS, "rows of the sheet of samples"),
    "seeds": whole(at_least=1).of(3, "of each prompt, from all sides"),
    "directions": COUNT.of(4, "of the sheet's views: four words, or eight and overhead"),
    "guidance_scale": DDIM["guidance_scale"].of(3.0),
    "steps": DDIM["steps"].of(25),
    "held_out": whole(at_least=1).of(512, "pictures on which the autoencoder is judged"),
}


def sample_sheet(
    model: Model,
    prompts: Sequence[str],
    seeds: int,
    overhead: float,
    sampling: Sampling,
    directions: int = 4,
) -> Pixels:
    """A row per prompt: for each seed its named views, from one noise."""
    views = AZIMUTHS[directions]
    prompting = Prompting(thresholds=Thresholds(overhead=overhead), directions=directions)
    conditioned = [condition(prompt, prompting, partial(embed, model)) for prompt in prompts]
    low, high = min(15.0, overhead - 1.0), 0.5 * (overhead + 90.0)  # on both sides of the word
    azimuth, elevation = jnp.asarray([*views.values()]), jnp.full(len(views), low).at[-1].set(high)
    cameras = Camera(azimuth, elevation, jnp.full(len(views), 3.2), jnp.full(len(views), 40.0))
    conditionings = jax.tree.map(lambda *leaves: jnp.stack(leaves), *conditioned)
    prior = StableDiffusionPrior(**prior_fields(model), prompting=prompting)
    images = np.asarray(draw(prior, conditionings, cameras, jnp.arange(seeds), sampling))
    rows = [list(row.reshape(-1, *row.shape[2:])) for row in images]
    labels = [f"{view}\nseed {seed}" for seed in range(seeds) for view in views]
    return contact_sheet(rows, list(prompts), labels)


@partial(jax.jit, static_argnames="sampling")
def draw(prior, conditionings, cameras, seeds, sampling):
    """[prompts, seeds, views, h, w, 3]; compiled once for a run."""

    def of_prompt(conditioning):
        one = partial(sample_seed, prior, conditioning, cameras)
        return jax.lax.map(lambda seed: one(seed, prior.image_size, sampling), seeds)

    return jax.lax.map(of_prompt, conditionings)


def embed(model: Model, prompts: Sequence[str]) -> Float[Array, "prompts tokens features"]:
    """What the UNet reads of them."""
    ids = jnp.asarray(model.tokenize(prompts))
    return embedded(model.networks.text, model.params["text_encoder"], ids)


def prior_fields(model: Model) -> dict[str, Any]:
    """Of a prior that is the model in float32; the same static fields for all parameters."""
    return {
        **model.scheduler._asdict(),
        "unet_params": model.params["unet"],
        "autoencoder_params": model.params["vae"],
        "unet": model.networks.unet,
        "autoencoder": model.networks.autoencoder,
        "image_size": _image_size(model),
        "embed": _no_texts,
    }


def _image_size(model: Model) -> int:
    """As the loaded prior has it: an autoencoder may say more than the UNet was trained on."""
    autoencoder, latents = model.networks.autoencoder.config, model.networks.unet.config.sample_size
    return latents * autoencoder.factor if latents else autoencoder.sample_size


def _no_texts(prompts: list[str]) -> jax.Array:
    raise AssertionError("prompts are embedded before they get here")


def reconstructions(
    model: Model, pictures: UInt8[np.ndarray, "number h w 3"]
) -> tuple[Pixels, Float[np.ndarray, "number"]]:
    """A sheet of pictures above what the autoencoder makes of them, and the PSNR of each in dB."""
    autoencoder = model.networks.autoencoder

    @jax.jit
    def through(params, given):
        latents = autoencoder.apply({"params": params}, 2.0 * given - 1.0, method="encode").mean
        decoded = autoencoder.apply({"params": params}, latents, method="decode")
        return jnp.clip(0.5 * decoded + 0.5, 0.0, 1.0)

    given = np.float32(pictures) / 255.0
    decoded = np.asarray(through(model.params["vae"], given))
    psnr = -10.0 * np.log10(np.mean((decoded - given) ** 2, axis=(1, 2, 3)))
    shown = [list(given[:12]), list(decoded[:12])]
    return contact_sheet(shown, ["pictures", "decoded"]), psnr
