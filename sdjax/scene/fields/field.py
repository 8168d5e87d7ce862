"""What every field offers, and the density that all of them share.

A field maps points of the cube [-radius, radius]^3 (world units) to density and colour.  Its
density is softplus(r(p)), where the raw density r is a learned part plus the blob of Magic3D
(arXiv 2211.10440), which starts a scene as one soft ball:

    blob(p) = blob_scale * (1 - |p| / blob_radius)
"""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.config.fields import number
from sdjax.config.kinds import Fields


@flax.struct.dataclass
class Field(abc.ABC):
    """Static settings of a field; what is learned is a separate pytree `params`.

    A subclass gives `init` and `values`, four numbers v a point of the cube [-1, 1]^3:

        raw density  r(p) = v_0(p / radius) + blob(p),   density = softplus(r)
        colour       sigmoid(v_1..3(p / radius))         (independent of the view)

    `blob_radius` and `radius` are world lengths, and density is per world length.  The
    official recipes use `blob_scale` 10 and `blob_radius` 0.5 (threestudio, "blob_magic3d"),
    and a `radius` of 1 or 2.
    """

    blob_scale: float = flax.struct.field(pytree_node=False, default=10.0)
    blob_radius: float = flax.struct.field(pytree_node=False, default=0.5)
    radius: float = flax.struct.field(pytree_node=False, default=1.0)

    @abc.abstractmethod
    def init(self, key: jax.Array) -> Any:
        """Fresh params."""

    def at(self, progress: float | Float[Array, ""]) -> "Field":
        """The field at a fraction of the run, for fields with a schedule; which may be traced."""
        return self

    def moved(self, params: Any) -> Any:
        """`params` of the stage before as this field's; the same for a field that has one size."""
        return params

    @abc.abstractmethod
    def values(self, params: Any, points: Float[Array, "n 3"]) -> Float[Array, "n 4"]:
        """The four numbers v of each point of [-1, 1]^3."""

    def __call__(
        self, params: Any, points: Float[Array, "n 3"], directions: Float[Array, "n 3"]
    ) -> tuple[Float[Array, "n"], Float[Array, "n 3"]]:
        """Density per unit length, >= 0 and 0 outside the cube; colour in [0, 1].

        `directions`, unit vectors from the camera into the scene, are for fields that
        depend on the view; those of this package do not.
        """
        values = self.values(params, self.unit(points))
        raw = values[:, 0] + self.blob(points)
        return activate(raw, self.unit(points)), jax.nn.sigmoid(values[:, 1:])

    def raw_density(self, params: Any, points: Float[Array, "n 3"]) -> Float[Array, "n"]:
        """The density before softplus; its negative gradient points out of the object."""
        return self.values(params, self.unit(points))[:, 0] + self.blob(points)

    def proposal_density(self, params: Any, points: Float[Array, "n 3"]) -> Float[Array, "n"]:
        """A density that decides only where samples are placed; may be coarse but cheap."""
        return activate(self.raw_density(params, points), self.unit(points))

    def unit(self, points: Float[Array, "n 3"]) -> Float[Array, "n 3"]:
        """World points scaled so that the field's cube is [-1, 1]^3."""
        return points if self.radius == 1.0 else points / self.radius

    def blob(self, points: Float[Array, "n 3"]) -> Float[Array, "n"]:
        """The blob's raw density."""
        return self.blob_scale * (1 - safe_norm(points) / self.blob_radius)


def activate(raw: Float[Array, "n"], points: Float[Array, "n 3"]) -> Float[Array, "n"]:
    """softplus(raw) inside the cube [-1, 1]^3 and zero outside."""
    x, y, z = (jnp.abs(points[:, axis]) for axis in range(3))  # reduced faster than an axis of 3
    inside = jnp.maximum(x, jnp.maximum(y, z)) <= 1
    return jnp.where(inside, jax.nn.softplus(raw), 0.0)


def safe_norm(vectors: Float[Array, "n 3"]) -> Float[Array, "n"]:
    """Length, with gradient zero instead of NaN at the zero vector."""
    x, y, z = (vectors[:, axis] for axis in range(3))
    return jnp.sqrt(jnp.maximum(x**2 + y**2 + z**2, 1e-12))


BLOB_AND_CUBE = {
    "radius": number(above=0).says("half an edge of the field's cube, world units"),
    "blob_scale": number(at_least=0).says("raw density of the starting ball at its centre"),
    "blob_radius": number(above=0).says("where that is 0, world units"),
}


class FieldKind(NamedTuple):
    """A field of the list: `make(grid, **fields)`, `grid` being the stage's vertices along an edge
    where it has any."""

    name: str
    make: Callable[..., Field]
    fields: Fields


def gridless(field: Callable[..., Field]) -> Callable[..., Field]:
    """The `make` of a field without vertices of its own."""
    return lambda grid, **fields: field(**fields)
