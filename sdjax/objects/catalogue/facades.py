"""Stage houses: one front, and behind it one of several backs that the front hides.

All facades of a colour are the same picture from the front (azimuth -25 to 25 degrees, elevation 0
to 20, at the usual distance 3.2): one view leaves open which of them it shows.  The slab on which
they stand bounds them all, so that they are placed and scaled alike.  The backs fill about the same
room: where views disagree for a while, the fullest would win.
"""

from sdjax.objects.colours import (
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
from sdjax.objects.shapes import box, cylinder, ellipsoid, tapered_box
from sdjax.objects.solids import Solid

GLASS = (0.62, 0.80, 0.92)
PALE = (0.80, 0.72, 0.56)  # the bare boards of the back
SLAB = 0.08  # height
WALL = (0.24, 0.32)  # x of its back and its front
WIDTH, EAVES, RIDGE = 1.12, 0.82, 1.2
BACK = WALL[0]


def _front(wall, trim, door) -> list[Solid]:
    """Slab, gabled wall, door, three windows and steps."""
    middle, depth, front = sum(WALL) / 2, WALL[1] - WALL[0], WALL[1]
    solids = [
        box((0, 0, SLAB / 2), (0.92, 1.2, SLAB), GREY),
        box((middle, 0, (SLAB + EAVES) / 2), (depth, WIDTH, EAVES - SLAB), wall),
        tapered_box(
            (middle, 0, (EAVES + RIDGE) / 2), (depth, WIDTH, RIDGE - EAVES), (depth, 0.0), wall
        ),
        box((BACK - 0.01, 0, (SLAB + EAVES) / 2), (0.02, WIDTH - 0.04, EAVES - SLAB - 0.02), PALE),
        box((front, 0.0, 0.32), (0.04, 0.34, 0.48), trim),
        box((front + 0.01, 0, 0.30), (0.06, 0.26, 0.44), door),
        box((front + 0.06, 0, SLAB + 0.02), (0.14, 0.40, 0.04), trim),
    ]
    for across, height in ((-0.36, 0.36), (0.36, 0.36), (-0.3, 0.70), (0.3, 0.70), (0.0, 0.80)):
        solids += [
            box((front, across, height), (0.03, 0.23, 0.23), trim),
            box((front + 0.01, across, height), (0.04, 0.16, 0.16), GLASS),
        ]
    return solids


def _hedge() -> list[Solid]:
    """A hedge of clipped bushes."""
    bushes = [
        ellipsoid((BACK - 0.13 - 0.22 * row, across, 0.30 - 0.05 * row), (0.15, 0.15, 0.24), GREEN)
        for row in (0, 1)
        for across in (-0.24, 0.0, 0.24)
    ]
    return [box((BACK - 0.25, 0, 0.15), (0.5, 0.66, 0.14), TEAL), *bushes]


def _stairs() -> list[Solid]:
    """Steps that climb from the back to the wall."""
    steps = 5
    run, rise = 0.60 / steps, 0.56 / steps
    return [
        box(
            (BACK - run * (step + 0.5), 0, SLAB + rise * (steps - step) / 2),
            (run, 0.62, rise * (steps - step)),
            ORANGE if step % 2 else YELLOW,
        )
        for step in range(steps)
    ]


def _shed() -> list[Solid]:
    """A shed with a lean-to roof."""
    return [
        box((BACK - 0.25, 0, 0.27), (0.5, 0.66, 0.38), PURPLE),
        tapered_box((BACK - 0.27, 0, 0.55), (0.56, 0.72, 0.20), (0.2, 0.72), WHITE, (0.18, 0.0)),
        box((BACK - 0.50, 0, 0.24), (0.04, 0.30, 0.32), BROWN),
    ]


def _cherry() -> list[Solid]:
    """A cherry tree in blossom in its pot."""
    x = BACK - 0.27
    return [
        cylinder((x, 0, SLAB), (x, 0, 0.2), 0.17, BROWN),
        ellipsoid((x, 0, 0.48), (0.26, 0.26, 0.20), PINK),
        ellipsoid((x, 0.22, 0.38), (0.20, 0.20, 0.17), PINK),
        ellipsoid((x, -0.22, 0.40), (0.20, 0.20, 0.17), PINK),
        ellipsoid((x - 0.12, 0.04, 0.36), (0.18, 0.19, 0.16), PINK),
        ellipsoid((x - 0.24, 0.12, 0.46), 0.06, WHITE),
        ellipsoid((x - 0.24, -0.16, 0.44), 0.06, WHITE),
    ]


BACKS = {"hedge": _hedge, "stair": _stairs, "shed": _shed, "cherry": _cherry}
FRONTS = {"red": (RED, WHITE, GREEN), "blue": (BLUE, YELLOW, WHITE)}


def facades() -> tuple[Object, ...]:
    """Two fronts with four backs each."""
    return tuple(
        describe("facade", f"{front} {back}", [*_front(*colours), *behind()])
        for front, colours in FRONTS.items()
        for back, behind in BACKS.items()
    )
