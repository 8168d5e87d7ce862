"""A dense grid of density and colour without a network: the fastest field on a CPU."""

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of
from sdjax.scene.fields.field import BLOB_AND_CUBE, Field, FieldKind, activate
from sdjax.scene.fields.trilinear import interpolate, nearest

Params = dict[str, Float[Array, "r r r 4"]]


@flax.struct.dataclass
class DenseGrid(Field):
    """resolution^3 vertices x (density, red, green, blue), interpolated trilinearly.

        raw density = density_gain * g_0(p / radius) + blob(p)
        colour      = sigmoid(colour_gain * g_1..3(p / radius))

    The gains turn steps of Adam of about 0.05 into useful ones.  `params` is
    {"grid": [r, r, r, 4]}, indexed x, y, z; vertices 0 and r - 1 lie on the faces.
    """

    resolution: int = flax.struct.field(pytree_node=False, default=64)
    density_gain: float = flax.struct.field(pytree_node=False, default=10.0)
    colour_gain: float = flax.struct.field(pytree_node=False, default=4.0)
    blob_scale: float = flax.struct.field(pytree_node=False, default=3.0)
    blob_radius: float = flax.struct.field(pytree_node=False, default=0.6)

    def init(self, key: jax.Array) -> Params:
        """Normal values of standard deviation 0.01: the blob, almost grey."""
        shape = (self.resolution,) * 3 + (4,)
        return {"grid": 0.01 * jax.random.normal(key, shape)}

    def moved(self, params: Params) -> dict[str, Float[Array, "new new new 4"]]:
        """Interpolated at this field's vertices, see `resample`."""
        return resample(params, self.resolution)

    def values(self, params: Params, points: Float[Array, "n 3"]) -> Float[Array, "n 4"]:
        """See the class."""
        gains = jnp.array([self.density_gain] + [self.colour_gain] * 3)
        return gains[None, :] * interpolate(params["grid"], points)

    def raw_density(self, params: Params, points: Float[Array, "n 3"]) -> Float[Array, "n"]:
        """As `values`, without looking up the colours."""
        values = interpolate(params["grid"][..., :1], self.unit(points))
        return self.density_gain * values[:, 0] + self.blob(points)

    def proposal_density(self, params: Params, points: Float[Array, "n 3"]) -> Float[Array, "n"]:
        """The density with the value of the nearest vertex: one look-up instead of eight."""
        unit = self.unit(points)
        values = nearest(params["grid"][..., 0], unit)
        return activate(self.density_gain * values + self.blob(points), unit)


def resample(params: Params, resolution: int) -> dict[str, Float[Array, "new new new 4"]]:
    """The same field on a grid of another resolution: the old one interpolated at the new
    vertices (exact where `resolution - 1` is a multiple of the old `resolution - 1`)."""
    if resolution < 2:
        raise UserError(f"resolution {resolution} was given; a grid needs at least 2.")
    grid = params["grid"]
    position = jnp.linspace(0, grid.shape[0] - 1, resolution)
    vertices = jnp.arange(grid.shape[0])
    hat = jnp.maximum(0, 1 - jnp.abs(position[:, None] - vertices[None, :]))
    new = jnp.einsum("ax,by,cz,xyzf->abcf", hat, hat, hat, grid, precision="highest")
    return {"grid": new}


FIELD = FieldKind(
    "dense_grid",
    lambda grid, **fields: DenseGrid(resolution=grid, **fields),
    fields_of(DenseGrid, **BLOB_AND_CUBE),
)
