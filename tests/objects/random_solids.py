"""Random solids, and what it means to be inside one, written without rays."""

import numpy as np

from sdjax.objects.shapes import (
    box,
    cone,
    cylinder,
    ellipsoid,
    frustum,
    prism,
    ring,
    tapered_box,
    turn,
    vessel,
)
from sdjax.objects.solids import Polyhedron, Round, Solid, Torus, Vessel

COLOUR = (0.5, 0.4, 0.3)


def level(solid: Solid, points: np.ndarray) -> np.ndarray:
    """At most 0 inside the solid, more than 0 outside; `points` is [n, 3]."""
    if isinstance(solid, Polyhedron):
        return (points @ solid.normals.T - solid.offsets).max(-1)
    if isinstance(solid, Vessel):
        return np.maximum(level(solid.outer, points), -level(solid.inner, points))
    x, y, z = ((points - solid.centre) @ solid.to_local.T).T
    if isinstance(solid, Round):
        a, b, c = solid.profile
        low, high = solid.heights
        return np.max([x * x + y * y - (a + b * z + c * z * z), low - z, z - high], axis=0)
    return np.maximum(np.hypot(np.hypot(x, y) - 1, z) - solid.tube, solid.cut - x)


def random_polyhedron(random: np.random.Generator) -> Polyhedron:
    centre, rotation = _placement(random)
    size, top = random.uniform(0.2, 0.8, 3), random.uniform(0.1, 0.8, 2)
    shift = random.uniform(-0.2, 0.2, 2)
    kind = random.integers(4)
    if kind == 0:
        return box(centre, size, COLOUR, rotation)
    if kind == 1:
        return prism([(0, 0), (0.6, 0), (0.1, 0.7)], 0.3, COLOUR, rotation, centre)
    ridge = (top[0], 0.0) if kind == 2 else top
    return tapered_box(centre, size, ridge, COLOUR, shift, rotation)


def random_round(random: np.random.Generator) -> Round:
    centre, rotation = _placement(random)
    end = np.add(centre, rotation[2] * random.uniform(0.2, 0.8))
    kind = random.integers(4)
    if kind == 0:
        return frustum(centre, end, tuple(random.uniform(0.1, 0.5, 2)), COLOUR)
    if kind == 1:
        return cylinder(centre, end, random.uniform(0.1, 0.5), COLOUR)
    if kind == 2:
        return cone(centre, end, random.uniform(0.1, 0.5), COLOUR)
    heights = (random.uniform(-1, -0.2), random.uniform(0.2, 1))
    return ellipsoid(centre, random.uniform(0.2, 0.6, 3), COLOUR, heights, rotation)


def random_vessel(random: np.random.Generator) -> Vessel:
    centre, rotation = _placement(random)
    outer = ellipsoid(centre, random.uniform(0.3, 0.6, 3), COLOUR, (-0.8, 0.6), rotation)
    if random.integers(2):
        end = np.add(centre, rotation[2] * random.uniform(0.3, 0.8))
        outer = frustum(centre, end, tuple(random.uniform(0.25, 0.5, 2)), COLOUR)
    low, high = outer.heights
    return vessel(outer, low + 0.2 * (high - low), random.uniform(0.1, 0.3), COLOUR)


def random_torus(random: np.random.Generator) -> Torus:
    centre, rotation = _placement(random)
    stretch = (1.0, random.uniform(0.6, 1.4), random.uniform(0.6, 1.4))
    tube, cut = random.uniform(0.08, 0.2), random.choice([-2.0, 0.0, 0.4])
    return ring(centre, 0.4, tube, COLOUR, rotation, stretch, cut)


def _placement(random: np.random.Generator):
    rotation = turn("z", random.uniform(0, 360)) @ turn("x", random.uniform(0, 360))
    return tuple(random.uniform(-0.3, 0.3, 3)), rotation
