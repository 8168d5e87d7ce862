"""Whether views drawn together are one object's, by judges whose answers are known."""

import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.evaluation.asked import Asked
from sdjax.evaluation.judging import Shown
from sdjax.evaluation.scenes import FIGURES, in_order, means_of, scene_rows
from sdjax.objects.prompts import CATEGORIES
from sdjax.objects.variants import COLOURS
from tests.evaluation.fakes import Written, written

CAR, RED, BLUE = list(CATEGORIES).index("car"), list(COLOURS).index("red"), 5
ASKED = Asked("car", "red")
CHECKS = np.uint8(40 * (np.indices((4, 4)).sum(0) % 2))[:, :, None]  # fine detail
CAMERAS = Camera(np.arange(4) * 90.0, *(np.full(4, value) for value in (15.0, 3.2, 40.0)))


def scene(octants=(0, 2, 4, 6), nouns=(CAR,) * 4, colours=(RED,) * 4):
    return np.stack([nouns, colours, octants], axis=-1)


def rows(scenes, tells=True, bank=None, objects=("one", "two")):
    pictures = written(np.stack(scenes))
    bank = np.full((2, 4, 4, 4, 3), 128, np.uint8) + CHECKS if bank is None else bank
    return scene_rows(Written(), ASKED, Shown(pictures, CAMERAS, bank, objects), tells)


@pytest.mark.parametrize(
    ("octants", "right"),
    [
        ((0, 2, 4, 6), True),
        ((7, 1, 3, 5), True),  # whichever the first is
        ((0, 6, 4, 2), False),  # the other way round
        ((0, 2, 0, 6), False),  # a second face
        ((0, 2, 4, 7), False),
        ((0, 0, 0, 0), False),
    ],
)
def test_directions_that_go_around_as_the_views_do(octants, right):
    assert in_order(np.array([octants])).tolist() == [right]
    assert rows([scene(octants)])[0]["ordered"] == float(right)


def test_two_and_eight_views():
    assert in_order(np.array([[3, 7], [3, 6]])).tolist() == [True, False]
    assert in_order(np.arange(8)[None]).all()


def test_a_scene_is_named_where_all_its_views_are():
    found = rows(
        [scene(), scene(nouns=(CAR, CAR, 0, CAR)), scene(colours=(RED, BLUE, RED, RED))],
    )
    assert [row["named"] for row in found] == [1.0, 0.0, 0.0]
    assert [row["confirmed"] for row in found] == [1.0, 0.75, 0.75]


def test_order_does_not_count_where_true_renderings_are_not_told():
    assert rows([scene()], tells=False)[0]["ordered"] is None


def test_one_object_is_nearest_to_all_views_or_is_not():
    """Two variants of an object are one; a view nearer to another object makes two."""
    levels = (100, 120, 200)
    dark, light, white = (np.full((4, 4, 4, 3), level, np.uint8) + CHECKS for level in levels)
    bank = np.stack([dark, light, white])
    objects = ("one", "one", "other")
    pictures = np.stack([dark, np.concatenate([dark[:2], light[2:]]), dark])
    pictures[2, 3] = white[3]
    shown = Shown(pictures, CAMERAS, bank, objects)
    found = scene_rows(Written(), ASKED, shown, True)
    assert [row["one_object"] for row in found] == [1.0, 1.0, 0.0]
    assert found[0]["psnr"] == 100.0


def test_means_leave_out_what_is_not_known():
    found = [*rows([scene(), scene((0, 0, 0, 0))]), *rows([scene()], tells=False)]
    means = means_of(found)
    assert means.keys() == set(FIGURES)
    assert (means["ordered"]["mean"], means["ordered"]["number"]) == (0.5, 2)
    assert means["named"]["mean"] == 1.0 and means["named"]["number"] == 3
