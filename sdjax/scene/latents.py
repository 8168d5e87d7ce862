"""A particle that is a prior's latents themselves: 2D score distillation without an encoder."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.cameras import Camera
from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, number
from sdjax.scene.kind import START, Place, SceneKind
from sdjax.scene.rendering import Progress, Rendering

Params = dict[str, Float[Array, "h w channels"]]


@flax.struct.dataclass
class Latents:
    """The latents are the params {"latents": [height, width, channels]}, unconstrained.

    `init` draws them normal around 0 with standard deviation `spread`: the setting of the
    2D experiments of the FSD paper.  With `start` "estimate" a run begins at the prior's one-step
    estimate of the seed's noise instead (`sdjax.runs.particle.first_estimate`).
    """

    height: int = flax.struct.field(pytree_node=False, default=64)
    width: int = flax.struct.field(pytree_node=False, default=64)
    channels: int = flax.struct.field(pytree_node=False, default=4)
    spread: float = flax.struct.field(pytree_node=False, default=1.0)
    start: str = flax.struct.field(pytree_node=False, default="spread")

    @property
    def in_latent_space(self) -> bool:
        """Whether a rendering's colours are a prior's latents: yes, pictures are decoded."""
        return True

    @property
    def is_flat(self) -> bool:
        """Whether it is a picture without a shape: yes."""
        return True

    def moved(self, params: Params) -> Params:
        """`params` of the stage before: the same, it has one size."""
        return params

    def init(self, key: jax.Array) -> Params:
        """Fresh latents."""
        shape = (self.height, self.width, self.channels)
        return {"latents": self.spread * jax.random.normal(key, shape)}

    def showing(self, params: Params, latents: Float[Array, "1 h w c"], decode: Any) -> Params:
        """The params that are these latents."""
        return {"latents": latents[0].astype(params["latents"].dtype)}

    def render(
        self,
        params: Params,
        camera: Camera,
        key: jax.Array | None,
        height: int,
        width: int,
        *,
        progress: Progress = 1.0,
    ) -> Rendering:
        """The latents as `colour`; camera, key and progress do not matter.

        Opacity is one, depth zero.  Raises ValueError if [height, width] is not the latents'
        own size: averages of latents are no latents of a smaller picture.
        """
        latents = params["latents"]
        own = latents.shape[:2]
        if (height, width) != own:
            raise UserError(
                f"A rendering of {height} x {width} was asked of latents of {own[0]} x {own[1]}; "
                "ask for their own size."
            )
        return Rendering(
            colour=latents,
            opacity=jnp.ones((height, width, 1)),
            depth=jnp.zeros((height, width, 1)),
            normal=None,
            samples=None,
        )


def _make(place: Place, **fields: Any) -> Latents:
    height, width, channels = place.latent_shape
    return Latents(height=height, width=width, channels=channels, **fields)


SCENE = SceneKind(
    "latents",
    _make,
    fields_of(
        Latents,
        spread=number(at_least=0).says("deviation of the first latents from 0"),
        start=START,
    ),
    is_flat=True,
)
