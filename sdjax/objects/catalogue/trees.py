"""Trees: crowns of balls, cones or leaves on a trunk."""

from itertools import pairwise

import numpy as np

from sdjax.objects.colours import (
    BROWN,
    GREEN,
    ORANGE,
    PINK,
    RED,
    TEAL,
    WHITE,
    YELLOW,
)
from sdjax.objects.model import Object, describe
from sdjax.objects.shapes import cone, cylinder, ellipsoid, frustum, turn

BARK = (0.42, 0.26, 0.15)
BIRCH = (0.86, 0.84, 0.80)


def _around(number, radius, height, first=0.0):
    """Points evenly on a horizontal circle."""
    angles = np.deg2rad(first + np.arange(number) * 360.0 / number)
    return [(radius * np.cos(a), radius * np.sin(a), height) for a in angles]


def _trunk(height, radius, colour=BARK):
    return frustum((0, 0, 0), (0, 0, height), (1.35 * radius, 0.8 * radius), colour)


def _dark(colour, factor=0.8):
    return tuple(factor * channel for channel in colour)


def _oak() -> Object:
    """A wide crown of balls."""
    balls = [ellipsoid(p, 0.52, GREEN) for p in _around(4, 0.5, 1.35, 20)]
    low = [ellipsoid(p, 0.4, _dark(GREEN)) for p in _around(5, 0.62, 1.1)]
    top = ellipsoid((0, 0, 1.75), 0.58, (0.26, 0.68, 0.26))
    return describe("tree", "green round", [_trunk(1.2, 0.17), *balls, *low, top])


def _spruce() -> Object:
    """Tiers of cones with a dusting of snow."""
    solids = [_trunk(0.5, 0.14)]
    for base, radius in ((0.4, 0.85), (0.85, 0.7), (1.3, 0.54), (1.75, 0.38)):
        solids.append(cone((0, 0, base), (0, 0, base + 0.95), radius, TEAL))
    return describe("tree", "teal pine", [*solids, ellipsoid((0, 0, 2.72), 0.1, YELLOW)])


def _snowy() -> Object:
    """Green under thick snow."""
    solids = [_trunk(0.45, 0.15)]
    for base, radius in ((0.35, 0.8), (0.9, 0.62), (1.42, 0.44)):
        solids.append(frustum((0, 0, base), (0, 0, base + 0.2), (radius, 0.9 * radius), GREEN))
        solids.append(cone((0, 0, base + 0.2), (0, 0, base + 0.9), 0.92 * radius, WHITE))
    return describe("tree", "white pine", solids)


def _maple() -> Object:
    """A tall oval crown in autumn, leaves on the ground."""
    solids = [
        _trunk(1.0, 0.15),
        *[ellipsoid(p, 0.42, (0.88, 0.34, 0.05)) for p in _around(5, 0.45, 1.15, 10)],
        *[ellipsoid(p, 0.40, ORANGE) for p in _around(4, 0.34, 1.6, 45)],
        *[ellipsoid(p, 0.33, (0.97, 0.60, 0.12)) for p in _around(3, 0.2, 2.05, 0)],
        ellipsoid((0, 0, 2.4), 0.25, (0.98, 0.68, 0.18)),
        ellipsoid((0, 0, 0), (0.75, 0.75, 0.06), (0.90, 0.36, 0.05), heights=(0, 1)),
    ]
    return describe("tree", "orange", solids)


def _cherry() -> Object:
    """Two leaning branches with blossom."""
    solids = [_trunk(0.75, 0.17, BROWN)]
    for x, y, z in _around(3, 0.62, 1.25, 30):
        solids.append(frustum((0, 0, 0.6), (x, y, z), (0.12, 0.06), BROWN))
        solids.append(ellipsoid((x, y, z + 0.12), (0.5, 0.5, 0.38), PINK))
        solids.append(ellipsoid((1.25 * x, 1.25 * y, z - 0.05), (0.32, 0.32, 0.26), WHITE))
    solids.append(ellipsoid((0, 0, 1.68), (0.55, 0.55, 0.4), (0.98, 0.66, 0.78)))
    return describe("tree", "pink", solids)


def _poplar() -> Object:
    """A slender yellow flame on a birch trunk."""
    marks = [
        cylinder((0, 0, z), (0, 0, z + 0.05), radius, (0.2, 0.2, 0.2))
        for z, radius in ((0.2, 0.12), (0.42, 0.11))
    ]
    solids = [
        _trunk(0.9, 0.09, BIRCH),
        *marks,
        ellipsoid((0, 0, 1.65), (0.42, 0.42, 1.1), YELLOW),
        ellipsoid((0, 0, 1.3), (0.5, 0.5, 0.62), (0.88, 0.70, 0.08)),
    ]
    return describe("tree", "yellow tall", solids)


def _apple() -> Object:
    """A ball full of red apples."""
    crown = ellipsoid((0, 0, 1.35), (0.85, 0.85, 0.72), (0.34, 0.58, 0.16))
    apples = []
    for ring, (number, elevation) in enumerate(((6, -18), (6, 18), (4, 52))):
        cosine, sine = np.cos(np.deg2rad(elevation)), np.sin(np.deg2rad(elevation))
        for x, y, _ in _around(number, 0.87 * cosine, 0, 30 * ring):
            apples.append(ellipsoid((x, y, 1.35 + 0.74 * sine), 0.13, RED))
    return describe("tree", "red apple", [_trunk(0.9, 0.16), crown, *apples])


def _palm() -> Object:
    """A bent trunk and drooping leaves."""
    stem = [(0.0, 0, 0), (0.16, 0, 0.55), (0.22, 0, 1.1), (0.2, 0, 1.65)]
    bark = (0.62, 0.46, 0.28)
    solids = [
        frustum(a, b, (0.16 - 0.02 * i, 0.13 - 0.02 * i), bark)
        for i, (a, b) in enumerate(pairwise(stem))
    ]
    leaf = (0.30, 0.66, 0.20)
    for azimuth in range(0, 360, 45):
        spin = turn("z", azimuth)
        near, far = spin @ (0.34, 0, 0.08), spin @ (0.82, 0, -0.14)
        top = np.array(stem[-1])
        solids.append(
            ellipsoid(tuple(top + near), (0.42, 0.14, 0.06), leaf, rotation=spin @ turn("y", -12))
        )
        solids.append(
            ellipsoid(
                tuple(top + far), (0.34, 0.12, 0.05), _dark(leaf), rotation=spin @ turn("y", 45)
            )
        )
    solids += [ellipsoid((0.2 + x, y, 1.52), 0.11, BROWN) for x, y, _ in _around(3, 0.12, 0)]
    sand = ellipsoid((0.05, 0, 0), (0.6, 0.6, 0.16), (0.93, 0.82, 0.55), heights=(0, 1))
    return describe("tree", "green palm", [*solids, sand])


def trees() -> tuple[Object, ...]:
    """The eight trees."""
    return (
        _oak(),
        _spruce(),
        _snowy(),
        _maple(),
        _cherry(),
        _poplar(),
        _apple(),
        _palm(),
    )
