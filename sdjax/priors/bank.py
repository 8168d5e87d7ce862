"""The embedded prior: a bank of renderings of the package's objects, as a diffusion model.

Every object is rendered once from every camera of the bank; training uses those cameras and no
others (`snap`), so that the prior stays exact.  Interpolating a bank would show ghosts.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from sdjax.cameras import Camera, view_direction
from sdjax.config.errors import UserError
from sdjax.diffusion.mixtures import ExactPredictor
from sdjax.diffusion.schedule import NoiseSchedule, cosine
from sdjax.objects.prompts import find
from sdjax.objects.render import render_views
from sdjax.priors.agreement import agreeing, check_agreement, log_posterior
from sdjax.priors.bank_cameras import bank_bins, nearest_of, spread
from sdjax.priors.kind import Band
from sdjax.priors.prior import Truths
from sdjax.priors.reference import Reference
from sdjax.rigs import check_scenes
from sdjax.rules.view_bins import ViewBins, direction_bins, refuse_number
from sdjax.shapes import check_shape

_SHIFT_TIMES_RESOLUTION = 9.6  # the cosine shift is 0.15 at 64 pixels, 0.3 at 32


class Conditioning(NamedTuple):
    """Log weights of the objects of the bank under a prompt (and a picture), and under none."""

    positive: Float[Array, "objects"]
    unconditional: Float[Array, "objects"]


@struct.dataclass
class EmbeddedPrior:
    """The exact diffusion model of a set of objects (see `sdjax.diffusion.mixtures`); a `Prior`.

    `views` is "camera" (the data at a camera are the objects' renderings from it) or "direction"
    (renderings from all cameras that share its front, side, back or overhead: what a prior that
    reads view-dependent prompts knows, and the cause of the Janus problem).  `data_std` blurs the
    data by Gaussian noise, in units of the latents.

    Each `views_together` consecutive views show one object, and have its posterior given all of
    them; the bank then holds rigs of so many cameras (`bank_cameras.spread`).

    With a picture, `reference`, the prompt's objects are as likely as they agree with it:
    `distances` are those of `sdjax.priors.agreement`, and `image_std` is its s.  The unconditional
    prediction knows the prompt then, but not the picture.
    """

    schedule: NoiseSchedule
    bank: jax.Array  # uint8 [objects, cameras, height, width, 3]
    cameras: Camera  # [cameras]
    names: tuple[str, ...] = struct.field(pytree_node=False)  # of the objects
    views: str = struct.field(pytree_node=False, default="camera")
    data_std: float = struct.field(pytree_node=False, default=0.0)
    # of views "direction", [directions, most]: the cameras of each, then -1; without it all cameras
    # are looked at, and most are left out
    of_direction: jax.Array | None = None
    band: Band | None = struct.field(pytree_node=False, default=None)  # of its cameras
    timestep_spacing: str = struct.field(pytree_node=False, default="trailing")
    views_together: int = struct.field(pytree_node=False, default=1)
    reference: Reference | None = None
    distances: jax.Array | None = None  # [objects], of the picture from each object's rendering
    image_std: float = struct.field(pytree_node=False, default=0.02)

    def latent_shape(self, resolution: int) -> tuple[int, int, int]:
        """The latents are the images themselves."""
        return resolution, resolution, 3

    def at_resolution(self, resolution: int) -> "EmbeddedPrior":
        """The bank averaged over blocks, with the schedule that destroys it at the same t."""
        size = self.bank.shape[2]
        if size % resolution:
            raise UserError(f"resolution is {resolution}, expected a divisor of {size}.")
        if size == resolution:
            return self
        bank = jnp.asarray(_block_means(np.asarray(self.bank), size // resolution))
        return self.replace(bank=bank, schedule=resolution_schedule(resolution))

    def condition(self, prompt: str) -> Conditioning:
        """Equal weights of the objects that the prompt names; of all objects without a prompt.

        With a picture: p(k | picture) of the objects that the prompt names; equal weights of them
        without the picture.  Raises a UserError for a picture of something else.
        """
        named = self._named(prompt)
        with np.errstate(divide="ignore"):
            equal = np.log(np.float32(named) / np.float32(named.sum()))
        if self.distances is not None:
            return Conditioning(jnp.asarray(self._given_picture(named)), jnp.asarray(equal))
        unconditional = np.full_like(equal, -np.log(len(equal)))
        return Conditioning(jnp.asarray(equal), jnp.asarray(unconditional))

    def _named(self, prompt: str) -> Bool[np.ndarray, "objects"]:
        """Which objects of the bank the prompt names."""
        names = {obj.name for obj in find(prompt)}
        named = np.array([name in names for name in self.names])
        if not named.any():
            raise UserError(f"the bank holds no object for {prompt!r}, only {self.names}.")
        return named

    def _given_picture(self, named: Bool[np.ndarray, "objects"]) -> Float[np.ndarray, "objects"]:
        distances = np.asarray(self.distances)
        check_agreement(np.asarray(self.names)[named].tolist(), distances[named])
        weights = log_posterior(distances, named, self.reference.image.size, self.image_std)
        return np.float32(weights)

    def snap(self, camera: Camera) -> Camera:
        """The camera of the bank with the nearest direction."""
        index = self.nearest(camera)
        return jax.tree.map(lambda leaf: leaf[index], self.cameras)

    def nearest(self, camera: Camera) -> Int[Array, "*views"]:
        """The index of that camera; a rig of `views_together` becomes a rig."""
        return nearest_of(self.cameras, camera, self.views_together)

    def view_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """The cameras of the bank, or `number` that are spread as those; the four directions,
        which are kept exactly, where it knows no more."""
        if self.views == "direction":
            refuse_number(number)
            return direction_bins()
        return self.camera_bins(number, elevation)

    def camera_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """The cameras of the bank, or `number` (of rigs, where views are drawn together) that are
        spread as those."""
        together = self.views_together
        cameras = self.cameras
        if number is not None:
            cameras = spread(number * together, self.band, together=together)
        return bank_bins(cameras, together)

    def picture_camera(self, default: Camera) -> Camera:
        """The first of the bank."""
        return jax.tree.map(lambda leaf: leaf[:1], self.cameras)

    def truths(self, prompt: str, cameras: Camera, resolution: int) -> Truths:
        """The objects of the prompt, rendered; with a picture those that agree with it."""
        objects = find(prompt)
        if self.distances is not None:
            agree = agreeing(self._given_picture(self._named(prompt)))
            names = {name for name, agrees in zip(self.names, agree, strict=True) if agrees}
            objects = tuple(obj for obj in objects if obj.name in names)
        views = np.asarray(render_views(objects, cameras, resolution))
        return Truths(tuple(obj.name for obj in objects), views)

    def mirrored(self) -> "EmbeddedPrior":
        """The same data and their mirror images, equally likely, as collections of photographs
        have them; raises a UserError with a picture, which they do not show."""
        if self.reference is not None:
            raise UserError("The prior has a picture, expected none where its data are mirrored.")
        bank = jnp.concatenate([self.bank, self.bank[..., ::-1, :]])
        return self.replace(bank=bank, names=self.names * 2)

    def encode(
        self, image: Float[Array, "views h w 3"], key: jax.Array | None = None
    ) -> Float[Array, "views h w 3"]:
        """2 image - 1."""
        check_shape("image", image, "views height width 3")
        return 2.0 * image - 1.0

    def decode(self, latents: Float[Array, "views h w 3"]) -> Float[Array, "views h w 3"]:
        """(latents + 1) / 2, clipped to [0, 1]."""
        return jnp.clip(0.5 * (latents + 1.0), 0.0, 1.0)

    def predictor(self, conditioning: Conditioning, camera: Camera) -> ExactPredictor:
        """The mixture that each view [views] sees, a multiple of `views_together` of them."""
        check_shape("camera.azimuth", camera.azimuth, "views")
        check_scenes(len(camera.azimuth), self.views_together)
        seen, shown = self._seen(camera)
        modes = jnp.moveaxis(self.bank[:, seen], 0, 1)  # [views, objects, seen, h, w, 3]
        modes = modes.reshape(len(modes), -1, *modes.shape[3:]).astype(jnp.float32) / 127.5 - 1.0
        mask = jnp.where(shown, 0.0, -jnp.inf)[:, None, :]

        def masked(weights):
            return (weights[None, :, None] + mask).reshape(len(mask), -1)

        positive, unconditional = map(masked, conditioning)
        joint = self.views_together
        return ExactPredictor(self.schedule, modes, positive, unconditional, self.data_std, joint)

    def _seen(self, camera: Camera) -> tuple[Int[Array, "views seen"], Bool[Array, "views seen"]]:
        """The cameras of the bank whose renderings are the data of each view, and which of them
        count."""
        if self.views == "camera":
            nearest = self.nearest(camera)[:, None]
            return nearest, jnp.ones_like(nearest, bool)
        direction = view_direction(camera)
        if self.of_direction is not None:
            seen = self.of_direction[direction]
            return jnp.maximum(seen, 0), seen >= 0
        shown = direction[:, None] == view_direction(self.cameras)[None]
        return jnp.broadcast_to(jnp.arange(shown.shape[1]), shown.shape), shown


def resolution_schedule(resolution: int) -> NoiseSchedule:
    """The cosine schedule shifted by 0.15 x 64 / resolution (never above 1).

    Averaging pixels halves the noise and keeps the picture, so that t means the same at every
    resolution.
    """
    return cosine(shift=min(1.0, _SHIFT_TIMES_RESOLUTION / resolution))


def _block_means(bank: np.ndarray, factor: int) -> np.ndarray:
    *lead, height, width, channels = bank.shape
    blocks = bank.reshape(*lead, height // factor, factor, width // factor, factor, channels)
    return np.round(blocks.mean(axis=(-4, -2), dtype=np.float32)).astype(np.uint8)
