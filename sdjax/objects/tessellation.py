"""Triangles on the surface of one solid."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from sdjax.objects.solids import Polyhedron, Round, Solid, Torus, Vessel

Triangles = Float[np.ndarray, "_ 3 3"]
Points = Float[np.ndarray, "_ 3"]
Profile = Float[np.ndarray, "_ 2"]  # (radius, height), in local coordinates

SEGMENTS = 48  # around an axis
RINGS = 24  # along it


class Patch(NamedTuple):
    """Triangles of one colour, counter-clockwise seen from outside."""

    triangles: Triangles
    colour: Float[np.ndarray, "3"]


def surface(solid: Solid) -> list[Patch]:
    """The patches that together close the surface of a solid."""
    if isinstance(solid, Polyhedron):
        return [Patch(_polyhedron(solid), solid.colour)]
    if isinstance(solid, Round):
        return [Patch(_revolved(_closed(_side(solid)), solid), solid.colour)]
    if isinstance(solid, Vessel):
        return _vessel(solid)
    return [Patch(_torus(solid), solid.colour)]


def _corners(solid: Polyhedron) -> tuple[Int[np.ndarray, "corners 3"], Points]:
    """Each intersection of three planes that lies in the solid, with the planes' numbers."""
    planes = np.array(list(combinations(range(6), 3)))
    normals, offsets = np.float64(solid.normals)[planes], np.float64(solid.offsets)[planes]
    meet = np.abs(np.linalg.det(normals)) > 1e-6
    planes = planes[meet]
    corners = np.linalg.solve(normals[meet], offsets[meet][..., None])[..., 0]
    inside = np.all(corners @ solid.normals.T <= solid.offsets + 1e-5, axis=1)
    return planes[inside], corners[inside]


def _polyhedron(solid: Polyhedron) -> Triangles:
    planes, corners = _corners(solid)
    fans = []
    for plane in range(6):
        face = corners[np.any(planes == plane, axis=1)]
        if len(face) >= 3:
            fans.append(_fan(face, np.float64(solid.normals[plane])))
    return np.concatenate(fans)


def _fan(face: Points, normal: Float[np.ndarray, "3"]) -> Triangles:
    """A convex polygon's corners, in any order and possibly repeated, as triangles."""
    offsets = face - face.mean(0)
    across = offsets[np.argmax(np.linalg.norm(offsets, axis=1))]
    angles = np.arctan2(offsets @ np.cross(normal, across), offsets @ across)
    face = face[np.argsort(angles)]
    first = np.broadcast_to(face[0], face[1:-1].shape)
    return _not_empty(np.stack([first, face[1:-1], face[2:]], 1))


def _side(solid: Round) -> Profile:
    """The side of a solid of revolution from its lower to its upper end."""
    low, high = np.float64(solid.heights)
    z = low + (high - low) * 0.5 * (1 - np.cos(np.linspace(0, np.pi, RINGS)))
    return np.stack([_radius(solid, z), z], 1)


def _radius(solid: Round, z):
    a, b, c = np.float64(solid.profile)
    return np.sqrt(np.maximum(a + z * (b + z * c), 0))


def _closed(side: Profile) -> Profile:
    """The side joined to the axis at both ends."""
    return np.concatenate([[[0, side[0, 1]]], side, [[0, side[-1, 1]]]])


def _revolved(profile: Profile, solid: Round) -> Triangles:
    angles = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    grid = np.concatenate(
        [
            profile[:, None, :1] * circle[None],
            np.broadcast_to(profile[:, None, 1:], (len(profile), SEGMENTS + 1, 1)),
        ],
        2,
    )
    return _to_world(_grid_triangles(grid), solid)


def _vessel(solid: Vessel) -> list[Patch]:
    """The outside with the rim, and the lining."""
    outer, inner = solid
    heights = np.float32([inner.heights[0], outer.heights[1]])
    lining = _closed(_side(inner._replace(heights=heights)))[::-1][1:]
    outside = np.concatenate([_closed(_side(outer))[:-1], lining[:1]])
    return [
        Patch(_revolved(outside, outer), outer.colour),
        Patch(_revolved(lining, outer), inner.colour),
    ]


def _torus(solid: Torus) -> Triangles:
    """Around the ring up to where it is cut, with the two ends closed towards their middles."""
    tube = np.linspace(0, 2 * np.pi, RINGS + 1)[:, None]
    radius, height = 1 + solid.tube * np.cos(tube), solid.tube * np.sin(tube)
    reach = np.arccos(np.clip(solid.cut / radius, -1, 1))
    around = reach * np.linspace(-1, 1, SEGMENTS + 1)[None]
    height = np.broadcast_to(height, around.shape)
    grid = np.stack([radius * np.cos(around), radius * np.sin(around), height], 2)
    if solid.cut > -1:
        start, end = (np.broadcast_to(rim.mean(0), rim.shape) for rim in (grid[:, 0], grid[:, -1]))
        grid = np.concatenate([start[:, None], grid, end[:, None]], 1)
    return _to_world(_grid_triangles(grid), solid)


def _grid_triangles(grid: Float[np.ndarray, "rows columns 3"]) -> Triangles:
    """Two triangles per cell, facing the side from which columns run rightwards and rows up."""
    a, b = grid[:-1, :-1], grid[:-1, 1:]
    c, d = grid[1:, 1:], grid[1:, :-1]
    both = np.stack([np.stack([a, b, c], 2), np.stack([a, c, d], 2)])
    return _not_empty(both.reshape(-1, 3, 3))


def _not_empty(candidates: Triangles) -> Triangles:
    """Without the triangles that have collapsed, at an axis or a repeated corner."""
    edges = candidates[:, 1:] - candidates[:, :1]
    return candidates[np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) > 1e-8]


def _to_world(local: Triangles, solid: Round | Torus) -> Triangles:
    return local @ np.linalg.inv(np.float64(solid.to_local)).T + solid.centre
