"""Teapots: seen from the front, the spout points right and the handle left."""

import numpy as np

from sdjax.objects.colours import (
    BLACK,
    BLUE,
    BROWN,
    GREEN,
    ORANGE,
    PINK,
    PURPLE,
    RED,
    WHITE,
    YELLOW,
)
from sdjax.objects.model import Object, describe
from sdjax.objects.shapes import (
    bands,
    box,
    cylinder,
    ellipsoid,
    frustum,
    handle,
    tapered_box,
    turn,
)


def _spout(root, bend, tip, radii, colour):
    """Two frusta joined by a ball; points are (y, z)."""
    a, b, c = ((0.0, *point) for point in (root, bend, tip))
    return [
        frustum(a, b, (radii[0], radii[1]), colour),
        ellipsoid(b, radii[1], colour),
        frustum(b, c, (radii[1], radii[2]), colour),
    ]


def _lid(height, radius, rise, colour, knob, knob_size=0.13):
    return [
        cylinder((0, 0, height - 0.06), (0, 0, height + 0.04), 1.06 * radius, colour),
        ellipsoid((0, 0, height), (radius, radius, rise), colour, heights=(0, 1)),
        ellipsoid((0, 0, height + rise + 0.8 * knob_size), knob_size, knob),
    ]


def _foot(radius, colour, height=0.12):
    return cylinder((0, 0, 0), (0, 0, height), radius, colour)


def _belly(radius, height, colour, centre=None):
    centre = height if centre is None else centre
    return ellipsoid((0, 0, centre), (radius, radius, height), colour, heights=(-0.96, 0.9))


def _classic() -> Object:
    """A ball with a white knob."""
    solids = [
        _belly(1.0, 0.88, RED),
        _foot(0.6, RED),
        *_lid(1.62, 0.46, 0.22, RED, WHITE),
        *_spout((0.8, 0.6), (1.28, 0.95), (1.62, 1.45), (0.3, 0.17, 0.11), RED),
        handle((0, -0.85, 0.95), (0.75, 0.55), 0.12, RED, azimuth=-90, cut=-0.1),
    ]
    return describe("teapot", "red round", solids)


def _spotted() -> Object:
    """White dots on blue."""
    spots = []
    for height, number, first in ((0.5, 7, 0.0), (0.95, 8, 22.0), (1.36, 6, 5.0)):
        radius = np.sqrt(1 - ((height - 0.9) / 0.9) ** 2)
        tilt = -np.rad2deg(np.arcsin((height - 0.9) / 0.9))
        for azimuth in first + np.arange(number) * 360.0 / number:
            spin = turn("z", azimuth)
            place = tuple(spin @ (radius, 0, height))
            spots.append(
                ellipsoid(place, (0.04, 0.15, 0.15), WHITE, rotation=spin @ turn("y", tilt))
            )
    solids = [
        _belly(1.0, 0.9, BLUE),
        *_lid(1.66, 0.42, 0.2, BLUE, YELLOW, 0.15),
        frustum((0, 0.75, 0.55), (0, 1.55, 1.5), (0.28, 0.11), BLUE),
        handle((0, -0.88, 0.95), (0.7, 0.5), 0.12, BLUE, azimuth=-90, cut=-0.1),
    ]
    return describe("teapot", "blue spotted", [*solids, *spots[: 24 - 5]])


def _squat() -> Object:
    """Wide and low in green, wooden knob."""
    solids = [
        ellipsoid((0, 0, 0.55), (1.25, 1.25, 0.55), GREEN, heights=(-0.96, 0.92)),
        _foot(0.8, BROWN, 0.1),
        *_lid(1.02, 0.55, 0.16, (0.30, 0.72, 0.34), BROWN, 0.14),
        *_spout((1.05, 0.5), (1.5, 0.72), (1.85, 1.1), (0.24, 0.14, 0.09), GREEN),
        handle((0, -1.1, 0.62), (0.7, 0.36), 0.1, BROWN, azimuth=-90, cut=-0.1),
    ]
    return describe("teapot", "green wide", solids)


def _tall() -> Object:
    """A yellow coffee pot."""
    solids = [
        frustum((0, 0, 0), (0, 0, 2.0), (0.85, 0.52), YELLOW),
        cylinder((0, 0, 0), (0, 0, 0.16), 0.9, ORANGE),
        *_lid(2.0, 0.5, 0.34, YELLOW, ORANGE),
        *_spout((0.6, 0.7), (1.05, 1.2), (1.3, 1.85), (0.24, 0.13, 0.09), YELLOW),
        handle((0, -0.62, 1.15), (0.62, 0.7), 0.11, ORANGE, azimuth=-90, cut=-0.05),
    ]
    return describe("teapot", "yellow tall", solids)


def _striped() -> Object:
    """Black bands on white."""
    belly = _belly(0.95, 0.95, WHITE)
    edges = [-0.96, -0.55, -0.3, -0.05, 0.2, 0.45, 0.9]
    solids = [
        *bands(belly, edges, [PURPLE, WHITE, PURPLE, WHITE, PURPLE, WHITE]),
        _foot(0.55, PURPLE),
        *_lid(1.74, 0.44, 0.3, PURPLE, WHITE, 0.15),
        *_spout((0.75, 0.7), (1.2, 1.0), (1.5, 1.6), (0.28, 0.16, 0.1), WHITE),
        handle((0, -0.82, 1.0), (0.72, 0.6), 0.12, PURPLE, azimuth=-90, cut=-0.1),
    ]
    return describe("teapot", "white striped", solids)


def _basket() -> Object:
    """A high hoop of bamboo over an orange pot."""
    solids = [
        ellipsoid((0, 0, 0.7), (1.0, 1.0, 0.7), ORANGE, heights=(-0.95, 0.92)),
        *_lid(1.3, 0.44, 0.14, ORANGE, BROWN, 0.12),
        frustum((0, 0.8, 0.5), (0, 1.5, 1.15), (0.26, 0.11), ORANGE),
        handle((0, 0, 1.15), (0.9, 0.9), 0.09, BROWN, azimuth=90, cut=-2.0),
    ]
    return describe("teapot", "orange", solids)


def _square() -> Object:
    """A pink box with straight lines."""
    solids = [
        tapered_box((0, 0, 0.7), (1.5, 1.5, 1.3), (1.15, 1.15), PINK),
        box((0, 0, 0.06), (1.3, 1.3, 0.12), WHITE),
        tapered_box((0, 0, 1.45), (1.2, 1.2, 0.2), (0.5, 0.5), (0.99, 0.68, 0.80)),
        box((0, 0, 1.64), (0.24, 0.24, 0.24), WHITE),
        frustum((0, 0.6, 0.45), (0, 1.3, 1.25), (0.2, 0.1), PINK),
        box((0, -0.98, 1.15), (0.2, 0.7, 0.18), WHITE),
        box((0, -1.25, 0.75), (0.2, 0.18, 0.9), WHITE),
        box((0, -1.0, 0.4), (0.2, 0.6, 0.18), WHITE),
    ]
    return describe("teapot", "pink square", solids)


def _iron() -> Object:
    """Black cast iron with a steel band."""
    solids = [
        frustum((0, 0, 0.1), (0, 0, 0.65), (0.75, 1.05), BLACK),
        ellipsoid((0, 0, 0.65), (1.05, 1.05, 0.55), BLACK, heights=(0, 0.92)),
        cylinder((0, 0, 0.58), (0, 0, 0.7), 1.09, RED),
        _foot(0.6, RED, 0.14),
        *_lid(1.14, 0.42, 0.14, BLACK, RED, 0.13),
        frustum((0, 0.85, 0.55), (0, 1.5, 1.05), (0.24, 0.1), BLACK),
        handle((0, -0.95, 0.75), (0.65, 0.4), 0.11, RED, azimuth=-90, cut=-0.1),
    ]
    return describe("teapot", "black", solids)


def teapots() -> tuple[Object, ...]:
    """The eight teapots."""
    return (
        _classic(),
        _spotted(),
        _squat(),
        _tall(),
        _striped(),
        _basket(),
        _square(),
        _iron(),
    )
