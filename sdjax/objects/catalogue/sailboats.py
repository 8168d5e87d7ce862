"""Sailboats: the bow points to the front; sails are swung out, so that no view has all of
them edge-on."""

from sdjax.objects.colours import (
    BLACK,
    BLUE,
    BROWN,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    TEAL,
    WHITE,
    YELLOW,
)
from sdjax.objects.model import Object, describe
from sdjax.objects.shapes import box, cylinder, ellipsoid, prism, turn

WOOD = (0.70, 0.50, 0.30)
SLATE = (0.45, 0.47, 0.52)
CANVAS = (0.95, 0.91, 0.80)
THICKNESS = 0.08


def _hull(length, width, depth, colour, trim, y=0.0):
    """A half ellipsoid, flat below, with a rim and a deck."""
    centre = (0, y, depth)
    return [
        ellipsoid(centre, (length, width, 1.05 * depth), colour, heights=(-0.9, 0.0)),
        ellipsoid(centre, (1.03 * length, 1.06 * width, depth), trim, heights=(-0.24, 0.04)),
        ellipsoid(centre, (0.9 * length, 0.88 * width, depth), WOOD, heights=(-0.1, 0.06)),
    ]


def _mast(height, x=0.0, base=0.3):
    return cylinder((x, 0, base), (x, 0, height), 0.05, BROWN)


def _sail(foot, head, reach, swing, colours, x=0.0):
    """A triangle with its luff at the mast and the clew `reach` behind it, swung about the
    mast; several colours are stripes from the foot up."""
    stripes = []
    for index, colour in enumerate(colours):
        low, high = index / len(colours), (index + 1) / len(colours)
        corners = [
            (0, foot + low * (head - foot)),
            (-reach * (1 - low), foot + low * (head - foot)),
            (-reach * (1 - high), foot + high * (head - foot)),
            (0, foot + high * (head - foot)),
        ]
        if high == 1:
            corners.pop()
        stripes.append(prism(corners, THICKNESS, colour, turn("z", swing), (x, 0, 0)))
    return stripes


def _square_sail(low, high, width, swing, colours, x=0.0):
    """A sail across the boat in front of its mast; several colours are vertical stripes."""
    rotation, step = turn("z", swing), width / len(colours)
    stripes = []
    for index, colour in enumerate(colours):
        y = -width / 2 + (index + 0.5) * step
        centre = rotation @ (0.12, y, 0.0) + (x, 0, (low + high) / 2)
        stripes.append(box(tuple(centre), (THICKNESS, step, high - low), colour, rotation))
    return stripes


def _pennant(height, colour, x=0.0):
    corners = [(0, height - 0.16), (0, height), (-0.38, height - 0.08)]
    return prism(corners, 0.05, colour, turn("z", 40), (x, 0, 0))


def _sloop() -> Object:
    """One mast, a mainsail and a jib."""
    solids = [
        *_hull(1.15, 0.5, 0.45, RED, WHITE),
        _mast(2.3, 0.1),
        *_sail(0.72, 2.2, 1.05, 35, [CANVAS], 0.04),
        *_sail(0.68, 1.9, -0.85, -30, [RED], 0.2),
        _pennant(2.4, RED, 0.1),
    ]
    return describe("sailboat", "red", solids)


def _bright() -> Object:
    """A blue hull under yellow and orange."""
    solids = [
        *_hull(1.25, 0.52, 0.5, BLUE, YELLOW),
        _mast(2.0, 0.25),
        *_sail(0.75, 1.95, 1.25, 25, [YELLOW], 0.18),
        *_sail(0.75, 1.7, -0.75, -40, [ORANGE], 0.34),
        box((-0.55, 0, 0.62), (0.45, 0.4, 0.22), WHITE),
    ]
    return describe("sailboat", "blue", solids)


def _striped() -> Object:
    """A dinghy with green and white stripes in one sail."""
    solids = [
        *_hull(1.0, 0.55, 0.42, GREEN, WHITE),
        _mast(2.25, 0.45),
        *_sail(0.65, 2.2, 1.35, 30, [GREEN, WHITE, GREEN, WHITE, GREEN], 0.38),
    ]
    return describe("sailboat", "green striped", solids)


def _tall() -> Object:
    """A narrow racer with a very high rig."""
    solids = [
        *_hull(0.95, 0.36, 0.36, YELLOW, BLACK),
        _mast(2.75, 0.15),
        *_sail(0.55, 2.7, 0.8, 40, [YELLOW], 0.09),
        *_sail(0.5, 2.3, -0.68, -35, [SLATE], 0.25),
    ]
    return describe("sailboat", "yellow tall", solids)


def _longship() -> Object:
    """A broad striped square sail, shields along the sides."""
    solids = [
        *_hull(1.3, 0.42, 0.45, (0.55, 0.33, 0.17), (0.40, 0.24, 0.12)),
        _mast(1.85),
        *_square_sail(0.75, 1.75, 1.5, 28, [ORANGE, CANVAS, ORANGE, CANVAS, ORANGE]),
        cylinder((1.15, 0, 0.3), (1.45, 0, 0.95), 0.08, (0.40, 0.24, 0.12)),
        ellipsoid((1.5, 0, 0.98), (0.16, 0.09, 0.1), (0.40, 0.24, 0.12)),
        cylinder((-1.15, 0, 0.3), (-1.42, 0, 0.85), 0.08, (0.40, 0.24, 0.12)),
    ]
    for x, colour in ((-0.6, YELLOW), (-0.2, RED), (0.2, YELLOW), (0.6, RED)):
        y = 0.44 * (1 - (x / 1.34) ** 2) ** 0.5
        for side in (-y, y):
            solids.append(ellipsoid((x, side, 0.4), (0.15, 0.06, 0.15), colour))
    return describe("sailboat", "orange striped", solids)


def _schooner() -> Object:
    """Two masts with a sail each."""
    solids = [
        *_hull(1.35, 0.45, 0.45, PURPLE, WHITE),
        _mast(2.0, 0.45),
        _mast(1.8, -0.4),
        *_sail(0.7, 1.95, 0.72, 35, [(0.68, 0.42, 0.86)], 0.4),
        *_sail(0.7, 1.75, 0.85, 35, [(0.68, 0.42, 0.86)], -0.45),
        *_sail(0.68, 1.7, -0.7, -30, [PURPLE], 0.55),
    ]
    return describe("sailboat", "purple wide", solids)


def _pirate() -> Object:
    """A high stern, two square black sails and a red flag."""
    skull = turn("z", 30) @ (0.14, 0, 1.12)
    solids = [
        *_hull(1.1, 0.48, 0.55, BLACK, (0.55, 0.36, 0.18)),
        box((-0.72, 0, 0.68), (0.6, 0.75, 0.34), (0.55, 0.36, 0.18)),
        box((-0.72, 0, 0.87), (0.66, 0.8, 0.07), BLACK),
        _mast(2.25),
        *_square_sail(0.8, 1.4, 1.25, 30, [BLACK]),
        *_square_sail(1.5, 2.0, 0.95, 30, [BLACK]),
        ellipsoid(
            skull,
            (0.06, 0.18, 0.18),
            WHITE,
            rotation=turn("z", 30),
        ),
        _pennant(2.35, RED),
        cylinder((1.0, 0, 0.5), (1.45, 0, 0.75), 0.05, BROWN),
    ]
    return describe("sailboat", "black pirate", solids)


def _catamaran() -> Object:
    """Two hulls, one teal sail."""
    solids = [
        *_hull(1.15, 0.2, 0.34, TEAL, WHITE, y=0.55),
        *_hull(1.15, 0.2, 0.34, TEAL, WHITE, y=-0.55),
        box((0.0, 0, 0.38), (1.0, 1.2, 0.1), SLATE),
        _mast(2.1, 0.2),
        *_sail(0.55, 2.05, 1.1, 30, [WHITE, TEAL], 0.14),
        *_sail(0.55, 1.7, -0.8, -35, [TEAL], 0.3),
    ]
    return describe("sailboat", "teal double", solids)


def sailboats() -> tuple[Object, ...]:
    """The eight sailboats."""
    return (
        _sloop(),
        _bright(),
        _striped(),
        _tall(),
        _longship(),
        _schooner(),
        _pirate(),
        _catamaran(),
    )
