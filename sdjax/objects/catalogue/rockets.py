"""Rockets: the porthole faces the front."""

from sdjax.objects.colours import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    PURPLE,
    RED,
    TEAL,
    WHITE,
    YELLOW,
)
from sdjax.objects.model import Object, describe
from sdjax.objects.shapes import (
    bands,
    box,
    cone,
    cylinder,
    ellipsoid,
    frustum,
    prism,
    turn,
)

GLASS = (0.55, 0.80, 0.95)


def _fins(number, outline, colour, first=0.0, thickness=0.12):
    """Plates around the axis; `outline` has the corners (distance from the axis, height)."""
    angles = (first + index * 360.0 / number for index in range(number))
    return [prism(outline, thickness, colour, turn("z", angle)) for angle in angles]


def _porthole(radius, height, size, rim=GREY):
    return [
        cylinder((radius - 0.2, 0, height), (radius + 0.04, 0, height), 1.35 * size, rim),
        cylinder((radius - 0.2, 0, height), (radius + 0.07, 0, height), size, GLASS),
    ]


def _nozzle(radius, low=0.0, high=0.35):
    return frustum((0, 0, low), (0, 0, high), (radius, 0.6 * radius), GREY)


def _striped() -> Object:
    """Red and white bands under a red nose."""
    body = cylinder((0, 0, 0.3), (0, 0, 1.9), 0.45, WHITE)
    solids = [
        *bands(body, [0, 0.2, 0.4, 0.6, 0.8, 1.0], [RED, WHITE, RED, WHITE, RED]),
        cone((0, 0, 1.9), (0, 0, 2.7), 0.45, RED),
        *_fins(4, [(0.3, 0.95), (0.85, 0.35), (0.85, 0.0), (0.3, 0.3)], RED, 45),
        *_porthole(0.45, 1.45, 0.14),
        _nozzle(0.32),
    ]
    return describe("rocket", "red striped", solids)


def _cigar() -> Object:
    """A blue spindle on three yellow fins."""
    solids = [
        ellipsoid((0, 0, 1.45), (0.55, 0.55, 1.35), BLUE, heights=(-0.85, 1.0)),
        ellipsoid((0, 0, 1.46), (0.55, 0.55, 1.36), YELLOW, heights=(0.68, 1.0)),
        *_fins(3, [(0.3, 1.1), (0.95, 0.4), (0.95, 0.0), (0.3, 0.45)], YELLOW, 60),
        *_porthole(0.52, 1.65, 0.16, WHITE),
        _nozzle(0.26, 0.12, 0.4),
    ]
    return describe("rocket", "blue", solids)


def _tall() -> Object:
    """A slim green missile with a long nose."""
    solids = [
        cylinder((0, 0, 0.3), (0, 0, 2.3), 0.33, GREEN),
        cone((0, 0, 2.3), (0, 0, 3.1), 0.33, GREEN),
        cylinder((0, 0, 1.3), (0, 0, 1.42), 0.345, YELLOW),
        *_fins(4, [(0.2, 1.0), (0.7, 0.45), (0.7, 0.0), (0.2, 0.25)], YELLOW, 45, 0.09),
        *_fins(4, [(0.2, 2.25), (0.5, 1.95), (0.5, 1.8), (0.2, 1.8)], YELLOW, 45, 0.08),
        *_porthole(0.33, 1.7, 0.1, YELLOW),
        _nozzle(0.22),
    ]
    return describe("rocket", "green tall", solids)


def _egg() -> Object:
    """A fat yellow egg on stubby legs."""
    solids = [
        ellipsoid((0, 0, 1.0), (0.78, 0.78, 0.95), YELLOW, heights=(-0.8, 1.0)),
        ellipsoid((0, 0, 1.01), (0.78, 0.78, 0.97), ORANGE, heights=(0.66, 1.0)),
        cone((0, 0, 1.9), (0, 0, 2.2), 0.09, GREY),
        *_fins(4, [(0.5, 0.95), (1.05, 0.4), (1.05, 0.0), (0.5, 0.3)], BLACK, 45, 0.16),
        *_porthole(0.73, 1.2, 0.22, BLACK),
        _nozzle(0.45, 0.0, 0.4),
    ]
    return describe("rocket", "yellow round", solids)


def _shuttle() -> Object:
    """An orange tank, two white boosters and a white glider in front."""
    solids = [
        cylinder((-0.2, 0, 0.35), (-0.2, 0, 1.95), 0.4, ORANGE),
        ellipsoid((-0.2, 0, 1.95), (0.4, 0.4, 0.6), ORANGE, heights=(0, 1)),
        cylinder((0.42, 0, 0.3), (0.42, 0, 1.35), 0.22, WHITE),
        ellipsoid((0.42, 0, 1.35), (0.22, 0.22, 0.45), BLACK, heights=(0, 1)),
        prism([(0.0, 1.15), (0.75, 0.3), (-0.75, 0.3)], 0.1, GREY, turn("z", 90), (0.3, 0, 0)),
        prism([(0.55, 0.7), (0.85, 0.3), (0.85, 0.15), (0.5, 0.3)], 0.08, BLACK),
        frustum((0.42, 0, 0.1), (0.42, 0, 0.35), (0.17, 0.1), BLACK),
    ]
    for y in (-0.58, 0.58):
        solids += [
            cylinder((-0.2, y, 0.12), (-0.2, y, 1.6), 0.17, WHITE),
            cone((-0.2, y, 1.6), (-0.2, y, 1.95), 0.17, WHITE),
            frustum((-0.2, y, 0), (-0.2, y, 0.2), (0.21, 0.15), GREY),
        ]
    return describe("rocket", "orange shuttle", solids)


def _tapered() -> Object:
    """A purple bell with pink fins and trim."""
    solids = [
        frustum((0, 0, 0.35), (0, 0, 1.75), (0.68, 0.36), PURPLE),
        ellipsoid((0, 0, 1.75), (0.36, 0.36, 0.7), PINK, heights=(0, 1)),
        cylinder((0, 0, 0.3), (0, 0, 0.45), 0.71, PINK),
        cylinder((0, 0, 1.68), (0, 0, 1.78), 0.4, PINK),
        *_fins(3, [(0.4, 1.0), (1.0, 0.3), (1.0, 0.0), (0.5, 0.3)], PINK, 60, 0.14),
        *_porthole(0.5, 1.2, 0.17, WHITE),
        _nozzle(0.5),
    ]
    return describe("rocket", "purple tapered", solids)


def _heavy() -> Object:
    """Black and white core between two boosters."""
    body = cylinder((0, 0, 0.25), (0, 0, 2.1), 0.33, BLACK)
    solids = [
        *bands(body, [0, 0.35, 0.45, 0.75, 1.0], [BLACK, WHITE, BLACK, RED]),
        frustum((0, 0, 2.1), (0, 0, 2.3), (0.33, 0.42), WHITE),
        cylinder((0, 0, 2.3), (0, 0, 2.55), 0.42, WHITE),
        cone((0, 0, 2.55), (0, 0, 3.05), 0.42, BLACK),
        _nozzle(0.28),
    ]
    for y in (-0.6, 0.6):
        solids += [
            cylinder((0, y, 0.25), (0, y, 1.45), 0.25, BLACK),
            cylinder((0, y, 0.9), (0, y, 1.0), 0.26, WHITE),
            cone((0, y, 1.45), (0, y, 1.9), 0.25, RED),
            frustum((0, y, 0), (0, y, 0.3), (0.24, 0.15), GREY),
        ]
    return describe("rocket", "black heavy", solids)


def _lander() -> Object:
    """A teal capsule on four legs, flag on top."""
    solids = [
        cylinder((0, 0, 0.55), (0, 0, 1.05), 0.7, TEAL),
        cylinder((0, 0, 0.48), (0, 0, 0.6), 0.75, YELLOW),
        frustum((0, 0, 1.05), (0, 0, 1.7), (0.66, 0.32), (0.50, 0.82, 0.80)),
        ellipsoid((0, 0, 1.7), (0.32, 0.32, 0.3), TEAL, heights=(0, 1)),
        cylinder((0, 0, 1.9), (0, 0, 2.35), 0.03, GREY),
        ellipsoid((0, 0, 2.36), 0.07, RED),
        frustum((0, 0, 0.15), (0, 0, 0.5), (0.42, 0.22), GREY),
        box((0.68, 0, 0.83), (0.12, 0.36, 0.26), GLASS),
        *_porthole(0.46, 1.35, 0.13, GREY),
    ]
    for angle in (45, 135, 225, 315):
        spin = turn("z", angle)
        solids.append(cylinder(spin @ (0.55, 0, 0.65), spin @ (1.0, 0, 0.05), 0.07, GREY))
        solids.append(cylinder(spin @ (1.0, 0, 0), spin @ (1.0, 0, 0.08), 0.18, GREY))
    return describe("rocket", "teal lander", solids)


def rockets() -> tuple[Object, ...]:
    """The eight rockets."""
    return (
        _striped(),
        _cigar(),
        _tall(),
        _egg(),
        _shuttle(),
        _tapered(),
        _heavy(),
        _lander(),
    )
