"""What a ray sees behind the object: `init(key)` and `background(params, key, directions)`."""

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Directions = Float[Array, "h w 3"]
Colours = Float[Array, "h w 3"]


@flax.struct.dataclass
class Solid:
    """One colour everywhere, white by default."""

    colour: tuple[float, float, float] = flax.struct.field(
        pytree_node=False, default=(1.0, 1.0, 1.0)
    )

    def init(self, key: jax.Array) -> dict:
        """Nothing to learn."""
        return {}

    def __call__(self, params: dict, key: jax.Array | None, directions: Directions) -> Colours:
        """The colour."""
        return jnp.broadcast_to(jnp.array(self.colour), directions.shape)
