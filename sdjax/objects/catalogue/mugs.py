"""Mugs: handle to the right of the front."""

import numpy as np

from sdjax.objects.colours import BLACK, BLUE, BROWN, GREEN, ORANGE, PURPLE, RED, WHITE, YELLOW
from sdjax.objects.model import Object, describe
from sdjax.objects.shapes import (
    cylinder,
    ellipsoid,
    filling,
    frustum,
    handle,
    turn,
    vessel,
)

COFFEE = (0.30, 0.17, 0.09)
CREAM = (0.93, 0.88, 0.78)


def _mug(words, colour, radii, height, lining, grip, extras=()) -> Object:
    """A frustum with an arc for a handle; `grip` is (out, up, tube, centre height, colour)."""
    body = vessel(frustum((0, 0, 0), (0, 0, height), radii, colour), 0.08, 0.09, lining)
    out, up, tube, centre, grip_colour = grip
    lean = np.rad2deg(np.arctan((radii[1] - radii[0]) / height))
    wall = radii[0] + (radii[1] - radii[0]) * centre / height
    arc = handle((0, wall - 0.045, centre), (out, up), tube, grip_colour, lean=lean)
    return describe("mug", words, [body, filling(body, 0.84, COFFEE), arc, *extras])


def _stripes(radius, edges, colour):
    return [cylinder((0, 0, low), (0, 0, high), radius, colour) for low, high in edges]


def _spots(radius, size, rows, colour):
    """Flat discs on a cylinder's wall; each row is (height, number, first azimuth)."""
    spots = []
    for height, number, first in rows:
        for azimuth in first + np.arange(number) * 360.0 / number:
            spin = turn("z", azimuth)
            centre = spin @ np.array([radius, 0.0, height])
            spots.append(ellipsoid(tuple(centre), (0.05, size, size), colour, rotation=spin))
    return spots


def _round_mug() -> Object:
    outer = ellipsoid((0, 0, 1.0), (1.2, 1.2, 1.25), YELLOW, heights=(-0.8, 0.72))
    body = vessel(outer, -0.7, 0.1, WHITE)
    foot = cylinder((0, 0, -0.12), (0, 0, 0.1), 0.72, YELLOW)
    arc = handle((0, 1.08, 0.95), (0.75, 0.55), 0.15, YELLOW, cut=-0.1)
    return describe("mug", "yellow round", [body, foot, filling(body, 0.5, COFFEE), arc])


def _cup_and_saucer() -> Object:
    body = vessel(frustum((0, 0, 0.1), (0, 0, 1.25), (0.62, 1.15), PURPLE), 0.1, 0.07, CREAM)
    plate = frustum((0, 0, 0), (0, 0, 0.2), (0.9, 1.6), CREAM)
    rim = frustum((0, 0, 0.12), (0, 0, 0.21), (1.4, 1.62), PURPLE)
    arc = handle((0, 0.92, 0.75), (0.55, 0.36), 0.1, PURPLE, cut=-0.2)
    return describe("mug", "purple wide", [body, rim, plate, filling(body, 0.84, COFFEE), arc])


def mugs() -> tuple[Object, ...]:
    """The eight mugs."""
    rows = [(0.42, 6, 0.0), (0.98, 6, 30.0), (1.54, 6, 0.0)]
    return (
        _mug("red", RED, (0.95, 0.95), 2.0, WHITE, (0.72, 0.62, 0.15, 1.0, RED)),
        _mug("blue tall", BLUE, (0.72, 0.80), 2.7, CREAM, (0.62, 0.92, 0.13, 1.4, BLUE)),
        _mug(
            "green striped",
            GREEN,
            (1.0, 1.0),
            2.0,
            WHITE,
            (0.72, 0.62, 0.15, 1.0, GREEN),
            _stripes(1.012, [(0.25, 0.55), (0.85, 1.15), (1.42, 1.62)], WHITE),
        ),
        _round_mug(),
        _cup_and_saucer(),
        _mug("orange tapered", ORANGE, (1.2, 0.82), 1.9, CREAM, (0.72, 0.55, 0.16, 0.95, BROWN)),
        _mug(
            "white spotted",
            WHITE,
            (0.92, 0.92),
            2.0,
            BLUE,
            (0.72, 0.62, 0.15, 1.0, BLUE),
            _spots(0.915, 0.2, rows, BLUE),
        ),
        _mug(
            "black",
            BLACK,
            (0.85, 0.95),
            1.7,
            RED,
            (0.68, 0.5, 0.14, 0.9, RED),
            _stripes(0.97, [(0.0, 0.16)], RED),
        ),
    )
