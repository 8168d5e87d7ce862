"""What Zero-1-to-3 learns: to undo the noise of a view, beside another of the same object."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8
from ml_collections import ConfigDict

from sdjax.camera_numbers import zero123_pose
from sdjax.cameras import Camera
from sdjax.config.fields import fraction
from sdjax.networks.projection import Projection
from sdjax.prior_training import diffusion_stage
from sdjax.prior_training.autoencoder_stage import latents_of
from sdjax.prior_training.build import make_plan
from sdjax.prior_training.diffusion_stage import Denoiser, denoising_loss
from sdjax.prior_training.fitting import Params, State
from sdjax.prior_training.novel_view_model import ViewModel
from sdjax.prior_training.novel_view_pairs import Encoded, Shown, draw_pairs, encoded
from sdjax.prior_training.place import Place, fitted
from sdjax.priors.novel_view import Seen, beside
from sdjax.priors.zero123 import image_embeddings

Latents = Float[Array, "batch h w c"]
Rows = Float[Array, "batch 4"]  # of cameras: azimuth, elevation, distance, field of view
FIELDS = {
    **{name: field for name, field in diffusion_stage.FIELDS.items() if name != "trains_text"},
    "empty": fraction().of(0.1, "how often the picture is left out, for classifier-free guidance"),
}
STAGE = 5  # second number of the generators' seeds


def novel_view_loss(
    denoiser: Denoiser,
    projection: Projection,
    empty: float,
    params: Params,
    target: Latents,
    picture: Latents,
    embedding: Float[Array, "batch features"],
    target_camera: Rows,
    picture_camera: Rows,
    key: jax.Array,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """`denoising_loss` of the UNet on the target's latents (scaled), where it reads

        context = W [embedding; pose] + b,   input = [x_t; latents of the picture, not scaled]

    as `sdjax.priors.novel_view` has it, arXiv 2303.11328.  With probability `empty` a row has zeros
    for both, which is the unconditional branch there.  (The official training leaves out the
    embedding, before the projection, or the latents, or both, in 5 % each; its samplers and
    threestudio have zeros for both, after the projection.)  `params` has "unet", "cc_projection".
    """
    noise_key, empty_key = jax.random.split(key)
    both = jnp.concatenate([embedding, poses(target_camera, picture_camera)], axis=-1)
    context = projection.apply({"params": params["cc_projection"]}, both)
    is_kept = jax.random.bernoulli(empty_key, 1.0 - empty, (len(target),))
    seen = Seen(
        jnp.where(is_kept[:, None, None], context[:, None], 0.0),
        jnp.where(is_kept[:, None, None, None], picture, 0.0),
    )

    def network(noisy: Latents, t: Any) -> Latents:
        return denoiser.unet.apply({"params": params["unet"]}, beside(noisy, seen), t, seen.context)

    return denoising_loss(denoiser, network, target, noise_key)


def poses(target: Rows, picture: Rows) -> Rows:
    """`zero123_pose` of each target beside its own picture."""

    def pose(target: Float[Array, "4"], picture: Float[Array, "4"]) -> Float[Array, "4"]:
        return zero123_pose(Camera(*target[:, None]), Camera(*picture[:, None]))[0]

    return jax.vmap(pose)(target, picture)


def encoded_views(model: ViewModel, shown: Shown) -> Encoded:
    """What the frozen networks, autoencoder and image encoder, make of all views."""
    encode = jax.jit(partial(latents_of, model.networks.autoencoder))
    embed = jax.jit(partial(embeddings_of, model))
    latents = partial(encode, model.params["vae"])
    return encoded(shown, latents, partial(embed, model.params["image_encoder"]))


def embeddings_of(
    model: ViewModel, params: Params, pictures: UInt8[Array, "batch h w 3"]
) -> Float[Array, "batch features"]:
    """CLIP's, as `sdjax.priors.zero123.load` computes them."""
    images = jnp.asarray(pictures, jnp.float32) / 255.0
    return image_embeddings(model.networks.image_encoder, params, images)


def train_novel_view(
    config: ConfigDict, model: ViewModel, shown: Shown, place: Place, show: Any = None
) -> ViewModel:
    """The model with UNet and projection trained; `show(model, step)` beside checkpoints."""
    plan = make_plan(config, config.diffusion)
    denoiser = Denoiser(
        model.networks.unet,
        None,
        model.scheduler.schedule,
        model.scheduler.prediction_type,
        config.diffusion.timestep_power,
        config.diffusion.min_snr,
    )
    views, scale = encoded_views(model, shown), model.networks.autoencoder.config.scaling_factor

    def batches(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
        pairs = draw_pairs(generator, views, plan.batch)
        return tuple(pairs._replace(target=np.float32(scale * pairs.target)))

    def trained(params: Params) -> ViewModel:
        return model._replace(params={**model.params, **params})

    def look(state: State, step: int) -> None:
        show(trained(jax.tree.map(np.asarray, state.average)), step)

    start = {name: model.params[name] for name in ("unet", "cc_projection")}
    loss = partial(novel_view_loss, denoiser, model.networks.projection, config.diffusion.empty)
    looks = look if place.sheets and show is not None else None
    seed = (config.seed, STAGE)
    return trained(fitted("diffusion", loss, start, batches, plan, seed, place, looks))
