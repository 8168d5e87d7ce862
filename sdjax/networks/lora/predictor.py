"""A network's predictor that has a trainable copy of the network beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.diffusion.guided import Latents, NetworkPredictor

Camera = Float[Array, "views n"]


@dataclass(frozen=True)
class AdaptedPredictor(NetworkPredictor):
    """The frozen network's `Predictor`, and `adapted`, the plain output of the trainable one.

    `network(params, x_t, t, embedding, camera)` is the trainable network, in the units that it
    was trained in (epsilon or velocity); `prompt` is the embedding that it reads, a pytree with a
    leading axis of views: that of the prompt without words for a direction, since the camera
    tells it the direction.
    """

    network: Callable[[Any, Latents, Int[Array, ""], Any, Camera], Latents]
    prompt: Any

    def adapted(
        self, params: Any, x_t: Latents, t: Int[Array, ""], cameras: list[Camera]
    ) -> list[Latents]:
        """The trainable network's output for each of the camera vectors, in one evaluation."""
        count = len(cameras)
        stack = lambda leaf: jnp.concatenate([leaf] * count)  # noqa: E731
        prompt = jax.tree.map(stack, self.prompt)
        output = self.network(params, stack(x_t), t, prompt, jnp.concatenate(cameras))
        return jnp.split(output.astype(x_t.dtype), count)
