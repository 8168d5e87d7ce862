"""What a prior offers to training and sampling."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Float

from sdjax.cameras import Camera
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.priors.reference import Reference
from sdjax.rules.view_bins import ViewBins
from sdjax.rules.vsd.adapter import Adapter


class Truths(NamedTuple):
    """What a prior knows to be true of a prompt."""

    names: tuple[str, ...]  # of the objects
    views: Float[np.ndarray, "objects views h w 3"]  # in [0, 1]


@runtime_checkable
class Prior(Protocol):
    """A diffusion model with everything around it; a pytree, its weights are the leaves.

    `condition` runs on the host, once a run; everything else inside `jit`.
    """

    schedule: NoiseSchedule
    timestep_spacing: str  # of DDIM steps, where nobody asks for another
    views_together: int  # consecutive views that show one scene and are predicted together

    @property
    def reference(self) -> Reference | None:
        """The picture that the prior was made of, where there is one."""

    def latent_shape(self, resolution: int) -> tuple[int, int, int]:
        """[height, width, channels] of the latents of an image of `resolution` pixels."""

    def at_resolution(self, resolution: int) -> "Prior":
        """The prior for images of `resolution` pixels."""

    def condition(self, prompt: str) -> Any:
        """The conditioning of a prompt, a pytree; raises `ValueError` for a bad prompt."""

    def snap(self, camera: Camera) -> Camera:
        """The camera nearest to `camera` that the prior knows (often itself)."""

    def view_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """All views that the prior tells apart, or `number` that stand for them, over a range of
        elevations in degrees; raises `ValueError` for a number that it cannot have."""

    def camera_bins(self, number: int | None, elevation: tuple[float, float]) -> ViewBins:
        """Bins of cameras by their directions alone, all that it knows or `number` over a range of
        elevations in degrees; raises `ValueError` for a number that it cannot have."""

    def picture_camera(self, default: Camera) -> Camera:
        """The camera [1] that sees particles which are pictures: the prior's own, or `default`."""

    def truths(self, prompt: str, cameras: Camera, resolution: int) -> Truths | None:
        """The objects that the prompt stands for, seen by `cameras`; None where nobody knows."""

    def mirrored(self) -> "Prior":
        """With the mirror images of its data, where it has data of its own."""

    def encode(self, image: Float[Array, "views h w 3"], key: jax.Array) -> Float[Array, "..."]:
        """The latents of images in [0, 1]."""

    def decode(self, latents: Float[Array, "..."]) -> Float[Array, "views h w 3"]:
        """Images in [0, 1]."""

    def predictor(self, conditioning: Any, camera: Camera) -> Predictor:
        """The prior looking through one camera per view."""


@runtime_checkable
class NetworkPrior(Prior, Protocol):
    """A prior that has a network, which a rule may adapt."""

    def adapter(self, rank: int, camera_features: int) -> Adapter:
        """A trainable network beside the prior's own (VSD's LoRA)."""
