"""Scaling and moving solids to where every object stands."""

import numpy as np
from jaxtyping import Float

from sdjax.objects.solids import Polyhedron, Solid, Vessel
from sdjax.objects.tessellation import surface

GROUND = -0.45  # the height on which every object stands
RADIUS = 0.89  # of the ball around the origin that every object fits


def moved(solid: Solid, scale: float, shift: Float[np.ndarray, "3"]) -> Solid:
    """The solid under `x -> scale * x + shift`."""
    if isinstance(solid, Polyhedron):
        offsets = scale * solid.offsets + solid.normals @ shift
        return solid._replace(offsets=np.float32(offsets))
    if isinstance(solid, Vessel):
        return Vessel(*(moved(part, scale, shift) for part in solid))
    return solid._replace(
        centre=np.float32(scale * solid.centre + shift),
        to_local=np.float32(solid.to_local / scale),
    )


def placed(solids: list[Solid]) -> tuple[Solid, ...]:
    """The solids as one object that stands on `GROUND`, is centred over the origin in x and y
    and as large as the ball of `RADIUS` allows."""
    patches = [patch for solid in solids for patch in surface(solid)]
    points = np.concatenate([patch.triangles.reshape(-1, 3) for patch in patches])
    low, high = points.min(0), points.max(0)
    foot = np.array([*(low + high)[:2] / 2, low[2]])
    scale = _largest_scale(points - foot)
    shift = np.array([0, 0, GROUND]) - scale * foot
    return tuple(moved(solid, scale, shift) for solid in solids)


def _largest_scale(points: Float[np.ndarray, "points 3"]) -> float:
    """The largest s with `|s p + GROUND e_z| <= RADIUS` for all p: a root of
    `s² |p|² + 2 s GROUND p_z + GROUND² - RADIUS²`."""
    square = np.maximum((points**2).sum(1), 1e-12)
    half_linear = GROUND * points[:, 2]
    root = np.sqrt(half_linear**2 + square * (RADIUS**2 - GROUND**2))
    return float(((root - half_linear) / square).min())
