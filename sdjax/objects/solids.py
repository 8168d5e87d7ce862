"""The four kinds of solid an object is made of, as plain arrays.

Each is written for one solid; arrays with a leading axis hold one solid per row.
Points are in world units, `to_local` maps `point - centre` to the solid's own coordinates,
in which its equation is simple; colours are albedos in [0, 1].
"""

from typing import NamedTuple

from jaxtyping import Array, Float, Int
from numpy import ndarray

Numbers = Array | ndarray


class Polyhedron(NamedTuple):
    """The convex set `normals[i] . x <= offsets[i]` of up to six half-spaces.

    Normals are unit vectors pointing outwards; an unused half-space has normal 0, offset 1.
    """

    normals: Float[Numbers, "*solids 6 3"]
    offsets: Float[Numbers, "*solids 6"]
    colour: Float[Numbers, "*solids 3"]


class Round(NamedTuple):
    """A convex solid of revolution with flat ends, under an affine map.

    In local coordinates: `x² + y² <= a + b z + c z²` and `low <= z <= high`, with
    `profile = (a, b, c)` and `heights = (low, high)`.  Cylinder, cone, frustum, ellipsoid and
    dome are of this form.  Where c > 0 the heights lie on one side of the apex.
    """

    centre: Float[Numbers, "*solids 3"]
    to_local: Float[Numbers, "*solids 3 3"]
    profile: Float[Numbers, "*solids 3"]
    heights: Float[Numbers, "*solids 2"]
    colour: Float[Numbers, "*solids 3"]


class Vessel(NamedTuple):
    """The solid `outer` without `inner`; both have the same centre and `to_local`.

    `inner` reaches above `outer`, so that the vessel is open at its top.  The wall seen from
    inside has the colour of `inner`.
    """

    outer: Round
    inner: Round


class Torus(NamedTuple):
    """A ring or an arc of one, under an affine map.

    In local coordinates: `(sqrt(x² + y²) - 1)² + z² <= tube²` and `x >= cut`.
    """

    centre: Float[Numbers, "*solids 3"]
    to_local: Float[Numbers, "*solids 3 3"]
    tube: Float[Numbers, "*solids"]
    cut: Float[Numbers, "*solids"]
    colour: Float[Numbers, "*solids 3"]


Solid = Polyhedron | Round | Vessel | Torus


class Model(NamedTuple):
    """All solids of one object (or of one object per leading axis), padded to fixed sizes.

    `counts` says how many of the polyhedra, rounds, vessels and tori are real.
    """

    polyhedra: Polyhedron
    rounds: Round
    vessels: Vessel
    tori: Torus
    counts: Int[Numbers, "*objects 4"]
