"""A particle that is an image itself: 2D score distillation without a scene."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.cameras import Camera
from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, number
from sdjax.scene.kind import START, SceneKind
from sdjax.scene.rendering import Progress, Rendering

Params = dict[str, Float[Array, "h w 3"]]


@flax.struct.dataclass
class Image:
    """The pixels are the params {"image": [height, width, 3]}, unconstrained, about 0..1.

    `init` draws them normal around 0.5 with standard deviation `spread`.  With `start` "estimate" a
    run begins at the prior's one-step estimate of the seed's noise instead
    (`sdjax.runs.particle.first_estimate`).
    """

    height: int = flax.struct.field(pytree_node=False, default=64)
    width: int = flax.struct.field(pytree_node=False, default=64)
    spread: float = flax.struct.field(pytree_node=False, default=0.1)
    start: str = flax.struct.field(pytree_node=False, default="spread")

    @property
    def in_latent_space(self) -> bool:
        """Whether a rendering's colours are a prior's latents: no, they are to be encoded."""
        return False

    @property
    def is_flat(self) -> bool:
        """Whether it is a picture without a shape: yes."""
        return True

    def moved(self, params: Params) -> Params:
        """`params` of the stage before: the same, it has one size."""
        return params

    def init(self, key: jax.Array) -> Params:
        """Fresh pixels."""
        noise = jax.random.normal(key, (self.height, self.width, 3))
        return {"image": 0.5 + self.spread * noise}

    def showing(self, params: Params, latents: Float[Array, "1 h w c"], decode: Any) -> Params:
        """The params that show the decoded latents, resized to the image."""
        return {"image": jax.image.resize(decode(latents)[0], params["image"].shape, "linear")}

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
        """The image, average-pooled to [height, width]; camera, key and progress do not matter.

        Opacity is one, depth zero.  Raises ValueError if [height, width] does not divide
        the image.
        """
        image = params["image"]
        rows, columns, _ = image.shape
        if rows % height or columns % width:
            raise UserError(
                f"A rendering of {height} x {width} was asked of an image of {rows} x {columns}; "
                "height and width must divide those of the image."
            )
        blocks = image.reshape(height, rows // height, width, columns // width, 3)
        return Rendering(
            colour=jnp.mean(blocks, axis=(1, 3)),
            opacity=jnp.ones((height, width, 1)),
            depth=jnp.zeros((height, width, 1)),
            normal=None,
            samples=None,
        )


SCENE = SceneKind(
    "image",
    lambda place, **fields: Image(height=place.size, width=place.size, **fields),
    fields_of(
        Image,
        spread=number(at_least=0).says("deviation of the first pixels from 0.5"),
        start=START,
    ),
    is_flat=True,
)
