"""Zero-1-to-3 (arXiv 2303.11328): what an object looks like from elsewhere, given one picture."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from sdjax.camera_numbers import zero123_pose
from sdjax.cameras import Camera
from sdjax.diffusion.guided import Branches
from sdjax.diffusion.prediction import to_epsilon
from sdjax.networks.lora.predictor import AdaptedPredictor
from sdjax.networks.lora.unet import apply_lora
from sdjax.networks.projection import Projection
from sdjax.priors.bins import spread_bins
from sdjax.priors.latent import LatentPrior
from sdjax.priors.reference import Reference
from sdjax.rules.view_bins import ViewBins
from sdjax.shapes import check_shape


class Seen(NamedTuple):
    """What each view's network reads: where it is, and what the picture shows."""

    context: Float[Array, "views 1 features"]
    picture: Float[Array, "views h w c"]  # latents, not scaled


class Conditioning(NamedTuple):
    """Of one picture."""

    embedding: Float[Array, "features"]  # CLIP's of the picture, projected
    latents: Float[Array, "h w c"]  # of the picture, not scaled


@struct.dataclass(kw_only=True)
class Zero123Prior(LatentPrior):
    """A `Prior` that is made of one picture, `reference`; it reads no prompt.

    context = W [CLIP embedding; relative pose] + b,  input = [x_t; latents of the picture]

    The pose is that of the view's camera beside the picture's (`zero123_pose`); `fourth` is its
    last number, "distance" in Zero-1-to-3 and Zero123-XL, "elevation" in Stable Zero123.  The
    unconditional branch has zeros for both, after the projection (threestudio's zero123 guidance).
    """

    projection: Projection = struct.field(pytree_node=False)
    projection_params: Any
    reference: Reference
    conditioning: Conditioning
    fourth: str = struct.field(pytree_node=False, default="distance")

    def condition(self, prompt: str) -> Conditioning:
        """That of the picture, whatever the prompt."""
        return self.conditioning

    def view_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """`number` directions, spread evenly over a range of elevations in degrees."""
        return spread_bins(number, elevation)

    camera_bins = view_bins

    def seen(self, conditioning: Conditioning, camera: Camera) -> Seen:
        """What the network reads of the picture for cameras [views]."""
        pose = zero123_pose(camera, self.reference.camera, self.fourth)
        views = len(pose)
        embedding = jnp.broadcast_to(conditioning.embedding, (views, *conditioning.embedding.shape))
        both = jnp.concatenate([embedding, pose], axis=-1)
        context = self.projection.apply({"params": self.projection_params}, both)
        latents = conditioning.latents
        return Seen(context[:, None], jnp.broadcast_to(latents, (views, *latents.shape)))

    def predict_noise(
        self,
        x_t: Float[Array, "batch h w c"],
        t: Int[Array, ""] | Int[Array, "batch"],
        seen: Seen,
    ) -> Float[Array, "batch h w c"]:
        """epsilon(x_t, t) beside the picture: one evaluation of the network."""
        latents, params = beside(x_t, seen), {"params": self.unet_params}
        output = self.unet.apply(params, latents, t, seen.context)
        return to_epsilon(self.schedule, self.prediction_type, output.astype(x_t.dtype), x_t, t)

    def predictor(self, conditioning: Conditioning, camera: Camera) -> AdaptedPredictor:
        """Through one camera per view; a network with adapters beside it, which VSD trains, reads
        what the conditional branch reads."""
        check_shape("camera.azimuth", camera.azimuth, "views")
        seen = self.seen(conditioning, camera)
        return AdaptedPredictor(
            self.predict_noise,
            Branches(seen, jax.tree.map(jnp.zeros_like, seen)),
            network=partial(_adapted, self),
            prompt=seen,
        )


def beside(x_t: Float[Array, "batch h w c"], seen: Seen) -> Float[Array, "batch h w _"]:
    """The network's input: the picture's latents on the channels behind the noisy ones."""
    return jnp.concatenate([x_t, seen.picture.astype(x_t.dtype)], axis=-1)


def _adapted(prior: Zero123Prior, params, x_t, t, seen, camera):
    latents = beside(x_t, seen)
    return apply_lora(prior.unet, prior.unet_params, params, latents, t, seen.context, camera)
