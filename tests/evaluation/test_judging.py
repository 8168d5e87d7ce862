"""The figures of one prompt against judges whose answers are known."""

import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.evaluation.asked import Asked
from sdjax.evaluation.judging import Shown, of_failed, rows_of, telling, tells_directions, together
from tests.evaluation.fakes import Written, written

MUG, CAR, RED, BLUE = 0, 3, 0, 5  # indices of answers
ASKED = Asked("mug", "red")
# from the front, the left, behind, the right, and from above
CAMERAS = Camera(np.float32([0, 90, 180, 270, 0]), np.float32([0, 0, 0, 0, 60]), *np.ones((2, 5)))
OWN = (0, 2, 4, 6, 0)  # their octants


def shown(rows, bank=None):
    """Particles whose views have these answers, beside a bank that is told rightly."""
    bank = [[(MUG, RED, octant) for octant in OWN]] * 2 if bank is None else bank
    return Shown(written(rows), CAMERAS, written(bank), ("plain mug", "tall mug"))


def test_shares_of_views():
    views = [(MUG, RED, 0), (MUG, BLUE, 2), (CAR, RED, 0), (CAR, BLUE, 6), (MUG, RED, 3)]
    row, other = rows_of(Written(), ASKED, shown([views, [(MUG, RED, 4)] * 5]), True)
    assert (row["noun"], row["colour"], row["confirmed"]) == (0.6, 0.6, 0.4)
    assert row["view_agreement"] == 0.75  # the third of four, and none from overhead
    assert (other["confirmed"], other["view_agreement"]) == (1.0, 0.25)


def test_turned_views_agree_nowhere():
    turned = [(MUG, RED, (octant + 4) % 8) for octant in OWN]
    row = rows_of(Written(), ASKED, shown([turned]), True)[0]
    assert (row["confirmed"], row["view_agreement"]) == (1.0, 0.0)


def test_directions_count_where_those_of_true_renderings_are_told():
    right, wrong = [(MUG, RED, octant) for octant in OWN], [(MUG, RED, 4)] * 5
    assert telling(Written(), shown([right])) == 1.0
    share = telling(Written(), shown([right], [right, wrong]))
    assert share == (4 + 1) / 8  # of four views each, overhead aside
    assert not tells_directions(share) and tells_directions(0.95)
    assert rows_of(Written(), ASKED, shown([right]), False)[0]["view_agreement"] is None


def test_nearest_objects_and_diversity():
    right = [(MUG, RED, octant) for octant in OWN]
    views = shown([right, right, right])
    views.pictures[1:, :, 1:] += np.uint8(51)
    views.bank[1, :, 1:] += np.uint8(60)
    rows = rows_of(Written(), ASKED, views, True)
    assert [row["object"] for row in rows] == ["plain mug", "tall mug", "tall mug"]
    assert (rows[0]["distance"], rows[0]["psnr"]) == (0.0, 100.0)
    far = np.sqrt(3 / 4) / 255  # three of four rows of pixels differ
    assert rows[1]["object_distance"] == pytest.approx(9 * far)
    both = together(views, rows)
    assert both["objects"] == 2
    assert both["diversity"] == pytest.approx(2 / 3 * 51 * far, rel=1e-5)
    assert together(views._replace(pictures=views.pictures[:1]), rows[:1])["diversity"] is None


def test_true_renderings_have_all_their_fine_detail():
    random = np.random.default_rng(0).integers(0, 256, (1, 5, 8, 8, 3), np.uint8)
    views = Shown(random // 2, CAMERAS, random, ("plain mug",))
    half, whole = (
        rows_of(Written(), ASKED, one, True)[0]["detail"]
        for one in (views, views._replace(pictures=random))
    )
    assert whole == 1.0 and half == pytest.approx(0.25, rel=0.02)


def test_a_seed_that_failed_shows_nothing():
    row = of_failed(True)
    assert row["confirmed"] == row["view_agreement"] == 0.0 and row["failed"]
    assert of_failed(False)["view_agreement"] is None and "distance" not in row
