import numpy as np
import pytest

from sdjax.analysis.layout import distinct_colours, fitted, framed_patches, stacked, titled
from sdjax.reports.pictures import WHITE

GREY = np.full((8, 12, 3), 128, np.uint8)


def test_a_title_stands_above_the_picture_and_may_be_wider():
    sheet = titled(GREY, "a title that is wider than the picture", "and\nits note")
    height, width, _ = sheet.shape
    assert width > 12 and height > 8 + 3 * 15
    np.testing.assert_array_equal(sheet[-8:, :12], GREY)
    assert (sheet[-8:, 12:] == WHITE).all()
    assert (sheet[:-8] < 100).any()  # ink
    assert titled(sheet, "", "").shape[1] == width


def test_pictures_are_stacked_from_the_left_edge():
    sheet = stacked([GREY, GREY[:2, :5] // 2])
    assert sheet.shape == (10, 12, 3)
    assert (sheet[8:, :5] == 64).all() and (sheet[8:, 5:] == WHITE).all()


@pytest.mark.parametrize("width", [6, 12, 30])
def test_fitting(width):
    image = fitted(GREY, width)
    assert image.shape == (width * 8 // 12, width, 3) and (image == 128).all()
    edge = np.where(np.arange(12)[None, :, None] < 6, 0, GREY)
    assert set(np.unique(fitted(edge, width, crisp=True))) == {0, 128}


def test_frames_have_the_colours_of_their_sources():
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9)]
    framed = framed_patches(GREY, colours, np.array([[3, 0], [1, 2]]), line=1)
    assert framed[0, 0].tolist() == framed[3, 5].tolist() == [9, 9, 9]
    assert framed[0, 6].tolist() == [255, 0, 0] and framed[7, 11].tolist() == [0, 0, 255]
    assert framed[4, 0].tolist() == [0, 255, 0]
    assert (framed[1:3, 1:5] == 128).all() and (GREY == 128).all()


@pytest.mark.parametrize("number", [1, 4, 16])
def test_colours_are_distinct(number):
    colours = np.array(distinct_colours(number), float)
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    assert distances[~np.eye(number, dtype=bool)].min(initial=999) > 40
