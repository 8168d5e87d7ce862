"""Constructors of solids from lengths and angles in the units of the designer."""

import numpy as np
from jaxtyping import Float, Shaped

from sdjax.objects.solids import Polyhedron, Round, Solid, Torus, Vessel

Number = float | int | np.number
Pair = tuple[Number, Number] | Float[np.ndarray, "2"]
Vector = tuple[Number, Number, Number] | Shaped[np.ndarray, "3"]
Matrix = Float[np.ndarray, "3 3"]
IDENTITY = np.eye(3)


def turn(axis: str, degrees: Number) -> Matrix:
    """The right-handed rotation about `axis`, one of "x", "y", "z"."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    matrix = np.eye(3)
    matrix[[i, i, j, j], [i, j, i, j]] = cosine, -sine, sine, cosine
    return matrix


def polyhedron(planes: list[tuple[Vector, Vector]], colour: Vector) -> Polyhedron:
    """The half-spaces behind at most six planes, each given by an outward normal of any
    length and a point on it."""
    normals, offsets = np.zeros((6, 3)), np.ones(6)
    for row, (normal, point) in enumerate(planes):
        normals[row] = np.asarray(normal) / np.linalg.norm(normal)
        offsets[row] = normals[row] @ np.asarray(point)
    return _float32(Polyhedron(normals, offsets, np.asarray(colour)))


def box(centre: Vector, size: Vector, colour: Vector, rotation: Matrix = IDENTITY) -> Polyhedron:
    """A box of full edge lengths `size`, rotated about its centre."""
    return tapered_box(centre, size, size[:2], colour, rotation=rotation)


def tapered_box(
    centre: Vector,
    size: Vector,
    top: Pair,
    colour: Vector,
    shift: Pair = (0.0, 0.0),
    rotation: Matrix = IDENTITY,
) -> Polyhedron:
    """A box whose top face has edge lengths `top` and is moved by `shift` along x and y.

    `centre` is halfway up, over the middle of the base; a top edge of 0 makes a gable roof
    or a wedge, two of them a pyramid.
    """
    half, rise = np.asarray(size) / 2, size[2]
    planes = [((0, 0, -1), (0, 0, -half[2])), ((0, 0, 1), (0, 0, half[2]))]
    for axis in (0, 1):
        for sign in (-1, 1):
            lean = sign * (half[axis] - top[axis] / 2) - shift[axis]  # inwards, over the height
            normal, point = np.zeros(3), np.array([0.0, 0.0, -half[2]])
            normal[axis], normal[2] = sign * rise, sign * lean
            point[axis] = sign * half[axis]
            planes.append((normal, point))
    moved = [(rotation @ n, rotation @ np.asarray(p) + centre) for n, p in planes]
    return polyhedron(moved, colour)


def prism(
    corners: list[Pair],
    thickness: Number,
    colour: Vector,
    rotation: Matrix = IDENTITY,
    shift: Vector = (0.0, 0.0, 0.0),
) -> Polyhedron:
    """A plate in the x-z plane: the convex polygon with three or four `corners` (x, z), then
    rotated about the origin and shifted."""
    points = np.array([(x, 0.0, z) for x, z in corners])
    middle = points.mean(0)
    planes = [((0, side, 0), (0, side * thickness / 2, 0)) for side in (-1, 1)]
    for start, end in zip(points, np.roll(points, -1, 0), strict=True):
        normal = np.cross(end - start, (0, 1, 0))
        planes.append((normal * np.sign(normal @ (start - middle)), start))
    moved = [(rotation @ n, rotation @ np.asarray(p) + shift) for n, p in planes]
    return polyhedron(moved, colour)


def _round(centre, scale, rotation, profile, heights, colour) -> Round:
    to_local = np.diag(1 / np.asarray(scale, float)) @ rotation.T
    arrays = (centre, to_local, profile, heights, colour)
    return _float32(Round(*(np.asarray(array, float) for array in arrays)))


def ellipsoid(
    centre: Vector,
    radii: Vector | Number,
    colour: Vector,
    heights: Pair = (-1.0, 1.0),
    rotation: Matrix = IDENTITY,
) -> Round:
    """An ellipsoid, or its part between `heights`, in units of the vertical radius."""
    radii = np.broadcast_to(np.asarray(radii, float), 3)
    return _round(centre, radii, rotation, (1, 0, -1), heights, colour)


def _along(start: Vector, end: Vector) -> tuple[Matrix, float]:
    """A rotation that takes z to the direction from start to end, and their distance."""
    axis = np.subtract(end, start)
    length = np.linalg.norm(axis)
    z = axis / length
    x = np.cross((0.0, 1.0, 0.0), z)
    x = np.array([1.0, 0.0, 0.0]) if np.linalg.norm(x) < 1e-6 else x / np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1), float(length)


def _frustum_profile(low: Number, high: Number) -> Vector:
    """`(low + (high - low) z)²` as (a, b, c)."""
    return (low * low, 2 * low * (high - low), (high - low) ** 2)


def frustum(start: Vector, end: Vector, radii: Pair, colour: Vector, squash: Number = 1.0) -> Round:
    """A truncated cone around the segment, with the radii at its two ends.

    `squash` scales the axis that is horizontal y for an upright frustum.
    """
    rotation, length = _along(start, end)
    widest = max(radii)  # local radii of at most 1 keep float32 accurate
    profile = _frustum_profile(radii[0] / widest, radii[1] / widest)
    return _round(start, (widest, widest * squash, length), rotation, profile, (0, 1), colour)


def cylinder(start: Vector, end: Vector, radius: Number, colour: Vector) -> Round:
    """A cylinder with flat ends around the segment from start to end."""
    return frustum(start, end, (radius, radius), colour)


def cone(start: Vector, end: Vector, radius: Number, colour: Vector) -> Round:
    """A cone from its base at `start` to its apex at `end`."""
    return frustum(start, end, (radius, 0.0), colour)


def ring(
    centre: Vector,
    radius: Number,
    tube: Number,
    colour: Vector,
    rotation: Matrix = IDENTITY,
    stretch: Vector = (1.0, 1.0, 1.0),
    cut: Number = -2.0,
) -> Torus:
    """A torus around local z, scaled by `stretch`; only local `x >= cut * radius` is kept."""
    to_local = np.diag(1 / (radius * np.asarray(stretch))) @ rotation.T
    arrays = (centre, to_local, tube / radius, cut, colour)
    return _float32(Torus(*(np.asarray(array, float) for array in arrays)))


def handle(
    centre: Vector,
    size: Pair,
    tube: Number,
    colour: Vector,
    azimuth: Number = 90.0,
    cut: Number = 0.0,
    lean: Number = 0.0,
) -> Torus:
    """An upright arc that bulges by size[0] towards `azimuth` (90 is +y), size[1] up and down
    from its centre; its top leans outwards by `lean` degrees."""
    rotation = turn("z", azimuth) @ turn("y", lean) @ turn("x", 90.0)
    stretch = (size[0] / size[1], 1.0, 1.0)
    return ring(centre, size[1], tube, colour, rotation, stretch, cut)


def vessel(outer: Round, floor: Number, thickness: Number, lining: Vector) -> Vessel:
    """A frustum or ellipsoid hollowed from its top down to the local height `floor`, with a
    wall of `thickness`, a part of the largest radius and less than the smallest."""
    a, b, c = outer.profile
    low, high = outer.heights
    if c < 0:  # an ellipsoid
        shrunk = np.asarray([a * (1 - thickness) ** 2, b, c])
    else:  # a frustum: sqrt(a) + slope * z
        slope = np.copysign(np.sqrt(c), b)
        start = np.sqrt(a) - thickness
        shrunk = np.asarray([start * start, 2 * start * slope, slope * slope])
    inner = outer._replace(
        profile=shrunk,
        heights=np.asarray([floor, high + 0.01 * (high - low)]),
        colour=np.asarray(lining),
    )
    return _float32(Vessel(outer, inner))


def filling(container: Vessel, level: Number, colour: Vector) -> Round:
    """What fills a vessel from its floor up to the local height `level`."""
    heights = np.float32([container.inner.heights[0], level])
    return container.inner._replace(heights=heights, colour=np.float32(colour))


def bands(solid: Round, edges: list[Number], colours: list[Vector]) -> list[Round]:
    """`solid` sliced at the local heights `edges` (first to last), one colour per slice."""
    return [
        solid._replace(heights=np.float32([low, high]), colour=np.float32(colour))
        for low, high, colour in zip(edges[:-1], edges[1:], colours, strict=True)
    ]


def _float32(solid: Solid) -> Solid:
    if isinstance(solid, Vessel):
        return Vessel(_float32(solid.outer), _float32(solid.inner))
    return type(solid)(*(np.asarray(array, np.float32) for array in solid))
