"""Chairs: the sitter would face the front."""

from itertools import product

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
    WHITE,
    YELLOW,
)
from sdjax.objects.model import Object, describe
from sdjax.objects.shapes import box, cylinder, ellipsoid, frustum, ring, tapered_box, turn

WOOD = (0.72, 0.48, 0.26)
SIDEWAYS = turn("y", 90) @ turn("x", 90)  # a ring in the x-z plane, its local x pointing down


def _square_legs(half_depth, half_width, height, thickness, colour):
    return [
        box((x * half_depth, y * half_width, height / 2), (thickness, thickness, height), colour)
        for x, y in product((-1, 1), repeat=2)
    ]


def _splayed_legs(top, foot, height, radius, colour):
    return [
        cylinder((x * foot, y * foot, 0), (x * top, y * top, height), radius, colour)
        for x, y in product((-1, 1), repeat=2)
    ]


def _kitchen() -> Object:
    """Square legs, two posts and three slats."""
    posts = [box((-0.44, side * 0.44, 1.5), (0.13, 0.13, 1.1), RED) for side in (-1, 1)]
    slats = [box((-0.44, 0, z), (0.08, 0.8, 0.18), RED) for z in (1.3, 1.62, 1.93)]
    seat = box((0, 0, 0.95), (1.06, 1.06, 0.14), RED)
    return describe(
        "chair", "red", [seat, *posts, *slats, *_square_legs(0.44, 0.44, 0.95, 0.13, RED)]
    )


def _tall() -> Object:
    """A narrow seat and a high solid back."""
    back = box((-0.42, 0, 1.8), (0.12, 0.9, 1.75), BLUE)
    cushion = box((0.02, 0, 0.98), (0.92, 0.86, 0.16), WHITE)
    seat = box((0, 0, 0.86), (0.96, 0.9, 0.12), BLUE)
    return describe(
        "chair", "blue tall", [back, cushion, seat, *_square_legs(0.4, 0.38, 0.86, 0.12, BLUE)]
    )


def _armchair() -> Object:
    """Thick upholstery between two arms."""
    arms = [box((0, y, 0.55), (1.3, 0.32, 0.7), GREEN) for y in (-0.72, 0.72)]
    rests = [cylinder((-0.65, y, 0.9), (0.66, y, 0.9), 0.2, GREEN) for y in (-0.72, 0.72)]
    dark = (0.11, 0.45, 0.16)
    solids = [
        box((0.02, 0, 0.42), (1.25, 1.15, 0.44), dark),
        box((0.06, 0, 0.7), (1.2, 1.1, 0.2), GREEN),
        box((-0.55, 0, 1.0), (0.34, 1.5, 1.3), GREEN, rotation=turn("y", -8)),
        cylinder((-0.66, -0.75, 1.62), (-0.66, 0.75, 1.62), 0.2, GREEN),
        *_square_legs(0.5, 0.66, 0.22, 0.14, BROWN),
    ]
    return describe("chair", "green soft", [*solids, *arms, *rests])


def _stool() -> Object:
    """A round seat with a low curved rail."""
    back = ring((0, 0, 1.75), 0.56, 0.07, YELLOW, rotation=turn("z", 180), cut=0.0)
    posts = [
        cylinder((-0.35, y * 0.30, 1.1), (-0.46, y * 0.32, 1.75), 0.05, YELLOW) for y in (-1, 1)
    ]
    middle = cylinder((-0.5, 0, 1.1), (-0.56, 0, 1.75), 0.05, YELLOW)
    seat = cylinder((0, 0, 1.06), (0, 0, 1.2), 0.6, YELLOW)
    legs = _splayed_legs(0.34, 0.5, 1.06, 0.07, WOOD)
    rung = ring((0, 0, 0.45), 0.62, 0.045, WOOD)
    return describe("chair", "yellow round", [seat, back, *posts, middle, *legs, rung])


def _office() -> Object:
    """A column on five castors."""
    solids = [
        tapered_box((0, 0, 0.95), (1.0, 1.0, 0.2), (1.05, 1.05), BLACK),
        box((-0.5, 0, 1.65), (0.14, 0.9, 0.9), BLACK, rotation=turn("y", -8)),
        box((-0.5, 0, 1.15), (0.08, 0.18, 0.6), GREY, rotation=turn("y", -12)),
        cylinder((0, 0, 0.15), (0, 0, 0.9), 0.08, GREY),
    ]
    for azimuth in range(0, 360, 72):
        x, y, _ = turn("z", azimuth) @ (0.55, 0.0, 0.0)
        solids.append(cylinder((0, 0, 0.22), (x, y, 0.12), 0.06, GREY))
        solids.append(ellipsoid((x, y, 0.09), 0.09, BLACK))
    for y in (-0.58, 0.58):
        solids.append(box((0.0, y, 1.32), (0.6, 0.12, 0.08), BLACK))
        solids.append(box((-0.1, y, 1.12), (0.1, 0.08, 0.4), GREY))
    return describe("chair", "black office", solids)


def _rocking() -> Object:
    """Spindles and two runners."""
    solids = [box((0, 0, 0.95), (1.0, 1.05, 0.12), PURPLE)]
    for y in (-0.45, 0.45):
        solids.append(ring((0, y, 1.56), 1.5, 0.06, WOOD, SIDEWAYS, cut=0.86))
        solids += [cylinder((x * 1.15, y, 0.12), (x, y, 0.95), 0.06, WOOD) for x in (-0.42, 0.42)]
    for y in (-0.44, -0.22, 0.0, 0.22, 0.44):
        solids.append(cylinder((-0.45, y, 0.95), (-0.75, y, 2.0), 0.05, WOOD))
    solids.append(box((-0.76, 0, 2.0), (0.1, 1.1, 0.26), PURPLE, rotation=turn("y", -16)))
    for y in (-0.53, 0.53):
        solids.append(box((-0.1, y, 1.36), (0.95, 0.1, 0.07), PURPLE))
        solids.append(cylinder((0.3, y, 0.95), (0.3, y, 1.36), 0.05, WOOD))
    return describe("chair", "purple rocking", solids)


def _shell() -> Object:
    """A moulded seat on thin splayed legs."""
    solids = [
        ellipsoid((0, 0, 0.95), (0.62, 0.62, 0.2), ORANGE, heights=(-1, 0.2)),
        ellipsoid((-0.52, 0, 1.5), (0.12, 0.58, 0.62), ORANGE, rotation=turn("y", -12)),
        *_splayed_legs(0.25, 0.5, 0.85, 0.05, BLACK),
    ]
    return describe("chair", "orange", solids)


def _throne() -> Object:
    """A heart-shaped back: two discs over a wedge."""
    discs = [cylinder((-0.5, y, 1.75), (-0.36, y, 1.75), 0.34, PINK) for y in (-0.26, 0.26)]
    wedge = tapered_box(
        (-0.43, 0, 1.3), (0.14, 1.1, 0.75), (0.14, 0.0), PINK, rotation=turn("x", 180)
    )
    seat = frustum((0, 0, 0.8), (0, 0, 0.98), (0.52, 0.6), PINK)
    legs = _splayed_legs(0.36, 0.36, 0.82, 0.08, WHITE)
    return describe("chair", "pink heart", [seat, wedge, *discs, *legs])


def chairs() -> tuple[Object, ...]:
    """The eight chairs."""
    return (
        _kitchen(),
        _tall(),
        _armchair(),
        _stool(),
        _office(),
        _rocking(),
        _shell(),
        _throne(),
    )
