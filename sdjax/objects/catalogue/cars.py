"""Cars: headlights to the front."""

from sdjax.objects.colours import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    RED,
    TEAL,
    WHITE,
    YELLOW,
)
from sdjax.objects.model import Object, describe
from sdjax.objects.shapes import box, cylinder, ellipsoid, tapered_box

GLASS = (0.30, 0.42, 0.54)
LAMP = (0.98, 0.93, 0.62)
LEATHER = (0.52, 0.34, 0.20)
CHROME = (0.78, 0.80, 0.83)


def _wheels(axles, half_width, radius, thickness=0.26, hub=CHROME):
    solids = []
    for x in axles:
        for side in (-1, 1):
            outer, inner = side * (half_width + 0.03), side * (half_width - thickness)
            solids.append(cylinder((x, inner, radius), (x, outer, radius), radius, BLACK))
            proud = outer + side * 0.02
            solids.append(cylinder((x, inner, radius), (x, proud, radius), 0.55 * radius, hub))
    return solids


def _lights(front, back, half_width, height, size=0.16):
    solids = []
    for side in (-1, 1):
        y = side * (half_width - 0.22)
        solids.append(ellipsoid((front, y, height), (0.06, size, 0.7 * size), LAMP))
        solids.append(box((back, y, height), (0.08, 1.4 * size, size), (0.75, 0.06, 0.06)))
    return solids


def _cabin(centre, base, top, height, roof, shift=0.0):
    """Windows all around with a roof and pillars of the body's colour."""
    x, z = centre
    length, width = base
    glass = tapered_box((x, 0, z + height / 2), (*base, height), top, GLASS, shift=(shift, 0))
    slab = box((x + shift, 0, z + height), (top[0] + 0.04, top[1] + 0.04, 0.09), roof)
    middle = 0.5 * (length + top[0])
    pillar = tapered_box(
        (x, 0, z + height / 2),
        (0.09 * middle, width + 0.03, height),
        (0.09 * middle, top[1] + 0.03),
        roof,
        shift=(shift, 0),
    )
    return [glass, slab, pillar]


def _car(words, *parts) -> Object:
    solids = []
    for part in parts:
        solids += part if isinstance(part, list) else [part]
    return describe("car", words, solids)


def _saloon() -> Object:
    return _car(
        "blue",
        tapered_box((0, 0, 0.5), (3.4, 1.5, 0.5), (3.2, 1.44), BLUE),
        box((0, 0, 0.36), (3.5, 1.46, 0.14), GREY),
        _cabin((-0.15, 0.75), (1.9, 1.4), (1.15, 1.15), 0.5, BLUE),
        _wheels((-1.05, 1.05), 0.75, 0.34),
        _lights(1.66, -1.67, 0.75, 0.58),
    )


def _sports() -> Object:
    return _car(
        "red low",
        tapered_box((0.0, 0, 0.44), (3.5, 1.6, 0.36), (3.0, 1.5), RED, shift=(-0.15, 0)),
        tapered_box((0.95, 0, 0.55), (1.6, 1.4, 0.36), (0.5, 1.2), RED, shift=(-0.5, 0)),
        _cabin((-0.35, 0.6), (1.7, 1.35), (0.7, 1.05), 0.36, RED, -0.1),
        box((-1.55, 0, 0.95), (0.34, 1.6, 0.07), BLACK),
        box((-1.5, 0.5, 0.8), (0.1, 0.08, 0.3), BLACK),
        box((-1.5, -0.5, 0.8), (0.1, 0.08, 0.3), BLACK),
        box((0.0, 0, 0.28), (3.3, 1.5, 0.1), BLACK),
        _wheels((-1.05, 1.1), 0.8, 0.36, hub=YELLOW),
        _lights(1.6, -1.72, 0.8, 0.5, 0.14),
    )


def _bus() -> Object:
    windows = [box((x, 0, 1.22), (0.5, 1.56, 0.42), GLASS) for x in (-1.12, -0.5, 0.12, 0.74)]
    return _car(
        "orange tall",
        box((0, 0, 0.66), (3.2, 1.5, 0.76), ORANGE),
        box((0, 0, 1.22), (3.2, 1.5, 0.5), WHITE),
        box((0, 0, 1.53), (3.1, 1.44, 0.16), ORANGE),
        box((1.56, 0, 1.2), (0.12, 1.3, 0.44), GLASS),
        box((-1.56, 0, 1.22), (0.12, 1.1, 0.38), GLASS),
        windows,
        box((0, 0, 0.34), (3.3, 1.52, 0.14), CHROME),
        _wheels((-0.95, 0.95), 0.75, 0.34),
        _lights(1.6, -1.6, 0.75, 0.68),
    )


def _pickup() -> Object:
    return _car(
        "green pickup",
        box((0, 0, 0.62), (3.5, 1.5, 0.36), GREEN),
        box((1.15, 0, 0.84), (1.1, 1.4, 0.26), GREEN),
        _cabin((0.1, 0.8), (1.2, 1.42), (0.9, 1.25), 0.62, GREEN),
        box((-1.12, 0.69, 0.92), (1.26, 0.12, 0.3), GREEN),
        box((-1.12, -0.69, 0.92), (1.26, 0.12, 0.3), GREEN),
        box((-1.69, 0, 0.92), (0.12, 1.5, 0.3), GREEN),
        box((-1.1, 0, 0.8), (1.1, 1.26, 0.12), (0.45, 0.30, 0.18)),
        box((1.76, 0, 0.5), (0.1, 1.5, 0.16), CHROME),
        _wheels((-1.1, 1.1), 0.75, 0.42),
        _lights(1.76, -1.76, 0.75, 0.74),
    )


def _beetle() -> Object:
    fenders = [
        ellipsoid((x, side * 0.6, 0.46), (0.52, 0.24, 0.42), (0.86, 0.44, 0.60))
        for x in (-0.95, 0.95)
        for side in (-1, 1)
    ]
    return _car(
        "pink round",
        ellipsoid((0, 0, 0.4), (1.75, 0.72, 0.62), PINK, heights=(-0.3, 1)),
        ellipsoid((-0.1, 0, 0.7), (0.98, 0.62, 0.72), GLASS, heights=(0.1, 1)),
        ellipsoid((-0.1, 0, 0.73), (0.92, 0.6, 0.74), PINK, heights=(0.68, 1)),
        box((-0.1, 0, 0.98), (0.12, 1.2, 0.5), PINK),
        fenders,
        _wheels((-0.95, 0.95), 0.74, 0.36),
        _lights(1.42, -1.55, 0.72, 0.62, 0.15),
    )


def _taxi() -> Object:
    return _car(
        "yellow",
        tapered_box((0, 0, 0.58), (3.3, 1.5, 0.56), (3.2, 1.44), YELLOW),
        box((0, 0, 0.62), (2.4, 1.54, 0.16), BLACK),
        _cabin((-0.2, 0.86), (1.9, 1.42), (1.5, 1.24), 0.56, YELLOW),
        box((-0.2, 0, 1.55), (0.3, 0.62, 0.2), WHITE),
        box((1.66, 0, 0.4), (0.1, 1.5, 0.14), CHROME),
        box((-1.66, 0, 0.4), (0.1, 1.5, 0.14), CHROME),
        _wheels((-1.0, 1.0), 0.75, 0.36),
        _lights(1.65, -1.65, 0.75, 0.68),
    )


def _jeep() -> Object:
    return _car(
        "teal open",
        box((-0.1, 0, 0.74), (2.9, 1.3, 0.42), TEAL),
        box((0.85, 0, 1.0), (1.1, 1.1, 0.2), TEAL),
        box((0.28, 0, 1.22), (0.08, 1.2, 0.5), GLASS),
        box((0.28, 0, 1.48), (0.1, 1.26, 0.07), TEAL),
        box((-0.55, 0, 0.98), (1.3, 1.1, 0.1), BLACK),
        box((-0.3, 0.3, 1.15), (0.4, 0.4, 0.4), LEATHER),
        box((-0.3, -0.3, 1.15), (0.4, 0.4, 0.4), LEATHER),
        box((-1.05, 0, 1.62), (0.09, 1.2, 0.09), BLACK),
        box((-1.05, 0.58, 1.3), (0.09, 0.09, 0.7), BLACK),
        box((-1.05, -0.58, 1.3), (0.09, 0.09, 0.7), BLACK),
        cylinder((-1.55, 0, 0.95), (-1.75, 0, 0.95), 0.36, BLACK),
        cylinder((-1.55, 0, 0.95), (-1.78, 0, 0.95), 0.18, CHROME),
        _wheels((-0.95, 0.95), 0.74, 0.46, 0.34),
        _lights(1.36, -1.56, 0.72, 0.78),
    )


def _racer() -> Object:
    return _car(
        "white racing",
        tapered_box((0.55, 0, 0.46), (2.3, 0.7, 0.34), (1.6, 0.5), WHITE, shift=(-0.35, 0)),
        ellipsoid((-0.55, 0, 0.5), (1.1, 0.45, 0.4), WHITE),
        box((-0.35, 0, 0.42), (1.3, 1.1, 0.3), RED),
        ellipsoid((-0.2, 0, 0.88), (0.2, 0.17, 0.2), BLUE),
        box((1.65, 0, 0.3), (0.4, 1.7, 0.08), RED),
        box((-1.5, 0, 1.0), (0.4, 1.4, 0.08), RED),
        box((-1.5, 0.66, 0.8), (0.42, 0.06, 0.5), RED),
        box((-1.5, -0.66, 0.8), (0.42, 0.06, 0.5), RED),
        _wheels((-1.1, 1.1), 0.85, 0.38, 0.34),
    )


def cars() -> tuple[Object, ...]:
    """The eight cars."""
    return (
        _sports(),
        _saloon(),
        _bus(),
        _pickup(),
        _beetle(),
        _taxi(),
        _jeep(),
        _racer(),
    )
