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

from sdjax.cameras import DIRECTIONS, Camera, position, spread_cameras, view_direction
from sdjax.config.errors import UserError
from sdjax.diffusion.mixtures import ExactPredictor
from sdjax.diffusion.schedule import NoiseSchedule, cosine
from sdjax.objects.prompts import find
from sdjax.objects.render import render_views
from sdjax.priors.kind import Band
from sdjax.priors.prior import Truths
from sdjax.rules.view_bins import ViewBins, direction_bins, nearest_bins, refuse_number
from sdjax.shapes import check_shape

_SHIFT_TIMES_RESOLUTION = 9.6  # the cosine shift is 0.15 at 64 pixels, 0.3 at 32


class Conditioning(NamedTuple):
    """Log weights of the objects of the bank under a prompt, and under none."""

    positive: Float[Array, "objects"]
    unconditional: Float[Array, "objects"]


@struct.dataclass
class EmbeddedPrior:
    """The exact diffusion model of a set of objects (see `sdjax.diffusion.mixtures`); a `Prior`.

    `views` is "camera" (the data at a camera are the objects' renderings from it) or "direction"
    (renderings from all cameras that share its front, side, back or overhead: what a prior that
    reads view-dependent prompts knows, and the cause of the Janus problem).  `data_std` blurs the
    data by Gaussian noise, in units of the latents.
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
        """Equal weights of the objects that the prompt names; of all objects without a prompt."""
        named = {obj.name for obj in find(prompt)}
        weights = np.float32([name in named for name in self.names])
        if not weights.any():
            raise UserError(f"the bank holds no object for {prompt!r}, only {self.names}.")
        with np.errstate(divide="ignore"):
            positive = np.log(weights / weights.sum())
        unconditional = np.full_like(positive, -np.log(len(weights)))
        return Conditioning(jnp.asarray(positive), jnp.asarray(unconditional))

    def snap(self, camera: Camera) -> Camera:
        """The camera of the bank with the nearest direction."""
        index = self.nearest(camera)
        return jax.tree.map(lambda leaf: leaf[index], self.cameras)

    def nearest(self, camera: Camera) -> Int[Array, "*views"]:
        """The index of that camera."""
        return jnp.argmax(_direction(camera) @ _direction(self.cameras).T, axis=-1)

    def view_bins(self, number: int | None) -> ViewBins:
        """The cameras of the bank, or `number` that are spread as those; the four directions,
        which are kept exactly, where it knows no more."""
        if self.views == "direction":
            refuse_number(number)
            return direction_bins()
        return nearest_bins(self.cameras if number is None else spread(number, self.band))

    def camera_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """The cameras of the bank, or `number` that are spread as those."""
        return nearest_bins(self.cameras if number is None else spread(number, self.band))

    def picture_camera(self, default: Camera) -> Camera:
        """The first of the bank."""
        return jax.tree.map(lambda leaf: leaf[:1], self.cameras)

    def truths(self, prompt: str, cameras: Camera, resolution: int) -> Truths:
        """The objects of the prompt, rendered."""
        objects = find(prompt)
        views = np.asarray(render_views(objects, cameras, resolution))
        return Truths(tuple(obj.name for obj in objects), views)

    def mirrored(self) -> "EmbeddedPrior":
        """The same data and their mirror images, equally likely, as collections of photographs
        have them."""
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
        """The mixture that each view [views] sees."""
        check_shape("camera.azimuth", camera.azimuth, "views")
        seen, shown = self._seen(camera)
        modes = jnp.moveaxis(self.bank[:, seen], 0, 1)  # [views, objects, seen, h, w, 3]
        modes = modes.reshape(len(modes), -1, *modes.shape[3:]).astype(jnp.float32) / 127.5 - 1.0
        mask = jnp.where(shown, 0.0, -jnp.inf)[:, None, :]

        def masked(weights):
            return (weights[None, :, None] + mask).reshape(len(mask), -1)

        positive, unconditional = map(masked, conditioning)
        return ExactPredictor(self.schedule, modes, positive, unconditional, self.data_std)

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


def cameras_of_directions(cameras: Camera) -> Int[Array, "directions most"]:
    """The indices of the cameras that each word of `view_direction` stands for, padded by -1."""
    direction = np.asarray(view_direction(cameras))
    own = [np.flatnonzero(direction == index) for index in range(len(DIRECTIONS))]
    most = max(map(len, own))
    return jnp.asarray([np.pad(each, (0, most - len(each)), constant_values=-1) for each in own])


def resolution_schedule(resolution: int) -> NoiseSchedule:
    """The cosine schedule shifted by 0.15 x 64 / resolution (never above 1).

    Averaging pixels halves the noise and keeps the picture, so that t means the same at every
    resolution.
    """
    return cosine(shift=min(1.0, _SHIFT_TIMES_RESOLUTION / resolution))


def spread(number: int, band: Band, azimuth: float = 0.0) -> Camera:
    """`number` cameras spread evenly over a band."""
    return spread_cameras(number, azimuth=azimuth, **band._asdict())


def _direction(camera: Camera) -> Float[Array, "*views 3"]:
    return position(camera) / camera.distance[..., None]


def _block_means(bank: np.ndarray, factor: int) -> np.ndarray:
    *lead, height, width, channels = bank.shape
    blocks = bank.reshape(*lead, height // factor, factor, width // factor, factor, channels)
    return np.round(blocks.mean(axis=(-4, -2), dtype=np.float32)).astype(np.uint8)
