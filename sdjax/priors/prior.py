"""What a prior offers to training and sampling."""

from typing import Any, Protocol, runtime_checkable

import jax
from jaxtyping import Array, Float

from sdjax.cameras import Camera
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.schedule import NoiseSchedule


@runtime_checkable
class Prior(Protocol):
    """A diffusion model with everything around it; a pytree, its weights are the leaves.

    `condition` runs on the host, once a run; everything else inside `jit`.
    """

    schedule: NoiseSchedule

    def latent_shape(self, resolution: int) -> tuple[int, int, int]:
        """[height, width, channels] of the latents of an image of `resolution` pixels."""

    def at_resolution(self, resolution: int) -> "Prior":
        """The prior for images of `resolution` pixels."""

    def condition(self, prompt: str) -> Any:
        """The conditioning of a prompt, a pytree; raises `ValueError` for a bad prompt."""

    def snap(self, camera: Camera) -> Camera:
        """The camera nearest to `camera` that the prior knows (often itself)."""

    def encode(self, image: Float[Array, "views h w 3"], key: jax.Array) -> Float[Array, "..."]:
        """The latents of images in [0, 1]."""

    def decode(self, latents: Float[Array, "..."]) -> Float[Array, "views h w 3"]:
        """Images in [0, 1]."""

    def predictor(self, conditioning: Any, camera: Camera) -> Predictor:
        """The prior looking through one camera per view."""
