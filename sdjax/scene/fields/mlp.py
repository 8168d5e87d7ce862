"""A network of the position: no gathers, so the field for TPUs (NeRF, arXiv 2003.08934)."""

from typing import Any

import flax.struct
import jax
from jaxtyping import Array, Float

from sdjax.config.fields import fields_of, whole
from sdjax.scene.fields.field import BLOB_AND_CUBE, Field, FieldKind, gridless
from sdjax.scene.fields.network import apply_network, encode_frequencies, init_network


@flax.struct.dataclass
class MLP(Field):
    """Positional encoding and `layers` hidden layers of `width`.

    The values are network(encode(p)).  The network's output starts near zero, so the scene
    starts as the blob, almost grey.
    """

    frequencies: int = flax.struct.field(pytree_node=False, default=6)
    width: int = flax.struct.field(pytree_node=False, default=64)
    layers: int = flax.struct.field(pytree_node=False, default=3)

    def init(self, key: jax.Array) -> Any:
        """{"network": layers}."""
        sizes = (3 + 6 * self.frequencies, *[self.width] * self.layers, 4)
        return {"network": init_network(key, sizes, last_scale=0.1)}

    def values(self, params: Any, points: Float[Array, "n 3"]) -> Float[Array, "n 4"]:
        """See the class."""
        return apply_network(params["network"], encode_frequencies(points, self.frequencies))


FIELD = FieldKind(
    "mlp",
    gridless(MLP),
    fields_of(
        MLP,
        **BLOB_AND_CUBE,
        width=whole(at_least=1).says("of a layer"),
        layers=whole(at_least=1).says("hidden ones"),
    ),
)
