"""Houses: the door faces the front."""

from sdjax.objects.colours import (
    BLACK,
    BLUE,
    BROWN,
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
from sdjax.objects.shapes import box, cone, cylinder, ellipsoid, tapered_box

GLASS = (0.62, 0.80, 0.92)
PLUM = (0.48, 0.22, 0.36)
STONE = (0.60, 0.58, 0.56)


def _window(face, across, height, half_depth, half_width, size=0.34, frame=WHITE):
    """A framed pane on one of the walls "front", "back", "left", "right"."""
    parts = []
    for grow, proud, colour in ((0.10, 0.03, frame), (0.0, 0.05, GLASS)):
        if face in ("front", "back"):
            x = half_depth if face == "front" else -half_depth
            parts.append(box((x, across, height), (2 * proud, size + grow, size + grow), colour))
        else:
            y = half_width if face == "right" else -half_width
            parts.append(box((across, y, height), (size + grow, 2 * proud, size + grow), colour))
    return parts


def _door(x, across, colour, width=0.42, height=0.8):
    return [
        box((x, across, height / 2), (0.06, width + 0.12, height + 0.06), WHITE),
        box((x, across, height / 2), (0.10, width, height), colour),
    ]


def _gable(size, height, base, eaves, colour, along="x"):
    """A roof whose ridge runs along x or y."""
    depth, width = size[0] + 2 * eaves, size[1] + 2 * eaves
    top = (depth, 0.0) if along == "x" else (0.0, width)
    return tapered_box((0, 0, base + height / 2), (depth, width, height), top, colour)


def _cottage(words, walls, roof, door, size, height, rise, along="y") -> Object:
    """One storey, gable roof, chimney, windows on all sides."""
    depth, width, half = size[0] / 2, size[1] / 2, height * 0.55
    solids = [
        box((0, 0, height / 2), (*size, height), walls),
        _gable(size, rise, height, 0.14, roof, along),
        box((-0.3 * depth, 0.5 * width, height + 0.62 * rise), (0.22, 0.22, 0.7 * rise), STONE),
        *_door(depth, 0.0, door),
    ]
    for side in (-1, 1):
        solids += _window("front", side * 0.62 * width, half, depth, width)
        solids += _window("back", side * 0.45 * width, half, depth, width)
    solids += _window("left", 0.0, half, depth, width) + _window("right", 0.0, half, depth, width)
    return describe("house", words, solids)


def _tall() -> Object:
    """Two storeys under a hipped roof."""
    depth, width = 0.55, 0.6
    solids = [
        box((0, 0, 0.95), (2 * depth, 2 * width, 1.9), BLUE),
        tapered_box((0, 0, 2.2), (1.4, 1.5, 0.6), (0.0, 0.3), GREY),
        box((0, 0, 0.98), (2 * depth + 0.06, 2 * width + 0.06, 0.08), WHITE),
        *_door(depth, 0.0, YELLOW),
        *_window("front", 0.0, 1.42, depth, width, 0.4),
        *_window("back", 0.0, 1.42, depth, width, 0.4),
        *_window("back", 0.0, 0.55, depth, width, 0.4),
    ]
    for face in ("left", "right"):
        for height in (0.55, 1.42):
            solids += _window(face, 0.0, height, depth, width, 0.4)
    return describe("house", "blue tall", solids)


def _cabin() -> Object:
    """An A-frame: roof down to the ground."""
    solids = [
        tapered_box((0, 0, 0.85), (1.4, 1.7, 1.7), (1.4, 0.0), BROWN),
        tapered_box((0, 0, 0.88), (1.2, 1.95, 1.82), (1.2, 0.02), GREEN),
        *_door(0.71, 0.0, ORANGE, 0.4, 0.72),
        *_window("front", 0.0, 1.05, 0.70, 0.0, 0.26),
        *_window("back", 0.0, 0.75, 0.70, 0.0, 0.36),
    ]
    return describe("house", "green", solids)


def _tower() -> Object:
    """A round tower under a cone."""
    solids = [
        cylinder((0, 0, 0), (0, 0, 1.7), 0.62, (0.72, 0.58, 0.84)),
        cylinder((0, 0, 1.55), (0, 0, 1.75), 0.70, WHITE),
        cone((0, 0, 1.72), (0, 0, 2.85), 0.86, PURPLE),
        ellipsoid((0, 0, 2.86), 0.07, YELLOW),
        *_door(0.60, 0.0, PURPLE, 0.36, 0.7),
    ]
    for height in (0.6, 1.25):
        faces = ("front", "back", "left", "right") if height > 1 else ("back", "left", "right")
        for face in faces:
            solids += _window(face, 0.0, height, 0.59, 0.59, 0.26)
    return describe("house", "purple round", solids)


def _modern() -> Object:
    """Two flat-roofed blocks."""
    solids = [
        box((0, 0, 0.42), (1.3, 1.9, 0.84), ORANGE),
        box((0, 0, 0.88), (1.42, 2.02, 0.10), BLACK),
        box((-0.1, -0.35, 1.27), (1.0, 1.1, 0.70), WHITE),
        box((-0.1, -0.35, 1.66), (1.12, 1.22, 0.10), BLACK),
        box((0.62, 0.45, 0.45), (0.12, 0.75, 0.5), GLASS),
        box((0.36, -0.35, 1.27), (0.12, 0.8, 0.36), GLASS),
        box((-0.62, 0.0, 0.45), (0.12, 1.3, 0.36), GLASS),
        box((-0.56, -0.35, 1.27), (0.12, 0.7, 0.36), GLASS),
        box((0.0, 0.92, 0.45), (0.7, 0.12, 0.36), GLASS),
        box((-0.1, -0.87, 1.27), (0.6, 0.12, 0.36), GLASS),
        *_door(0.65, -0.45, BROWN, 0.4, 0.68),
    ]
    return describe("house", "orange modern", solids)


def _barn() -> Object:
    """A gambrel roof over red boards, white crosses on the doors."""
    size = (1.5, 1.3)
    solids = [
        box((0, 0, 0.4), (*size, 0.8), RED),
        tapered_box((0, 0, 1.0), (1.5, 1.3, 0.45), (1.5, 0.9), RED),
        tapered_box((0, 0, 1.0), (1.4, 1.5, 0.5), (1.4, 1.06), GREY),
        tapered_box((0, 0, 1.39), (1.5, 0.98, 0.34), (1.5, 0.0), GREY),
        box((0.75, 0, 0.36), (0.08, 0.72, 0.72), WHITE),
        box((0.75, 0.165, 0.35), (0.12, 0.27, 0.58), RED),
        box((0.75, -0.165, 0.35), (0.12, 0.27, 0.58), RED),
        *_window("front", 0.0, 1.0, 0.75, 0.65, 0.22),
        *_window("back", 0.0, 0.7, 0.75, 0.65, 0.36),
    ]
    for face in ("left", "right"):
        for across in (-0.4, 0.4):
            solids += _window(face, across, 0.45, 0.75, 0.65, 0.3)
    return describe("house", "red barn", solids)


def houses() -> tuple[Object, ...]:
    """The eight houses."""
    return (
        _cottage("yellow", YELLOW, RED, GREEN, (1.1, 1.5), 0.95, 0.8),
        _tall(),
        _cabin(),
        _tower(),
        _modern(),
        _barn(),
        _cottage("pink", PINK, PLUM, TEAL, (1.3, 1.2), 1.0, 1.0, along="x"),
        _cottage("teal wide", TEAL, BROWN, RED, (1.0, 2.0), 0.85, 0.45),
    )
