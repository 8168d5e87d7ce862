import numpy as np
import pytest
from PIL import Image

from sdjax.reports.pictures import (
    GAP,
    MARGIN,
    WHITE,
    contact_sheet,
    enlarge,
    image_grid,
    save_png,
    to_uint8,
)

RED, GREEN, BLUE = np.eye(3, dtype=np.float32)


def solid(colour, height=8, width=10):
    return np.broadcast_to(colour, (height, width, 3))


def test_floats_are_clipped_and_rounded():
    image = np.array([-1.0, 0.0, 0.5, 0.999, 1.0, 7.0]).reshape(1, 2, 3)
    np.testing.assert_array_equal(to_uint8(image).ravel(), [0, 0, 128, 255, 255, 255])


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 4), (1, 8, 8, 3)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"An image has shape .*, expected \[height, width, 3\]"):
        to_uint8(np.zeros(shape))


def test_enlarging_keeps_flat_colours():
    assert enlarge(solid(RED), 3).shape == (24, 30, 3)
    np.testing.assert_array_equal(enlarge(solid(RED), 3), to_uint8(solid(RED, 24, 30)))


def test_a_grid_is_about_square_and_filled_with_white():
    grid = image_grid([solid(RED), solid(GREEN), solid(BLUE)])
    assert grid.shape == (16, 20, 3)
    np.testing.assert_array_equal(grid[0, 0], [255, 0, 0])
    np.testing.assert_array_equal(grid[0, -1], [0, 255, 0])
    np.testing.assert_array_equal(grid[-1, 0], [0, 0, 255])
    np.testing.assert_array_equal(grid[-1, -1], [WHITE] * 3)
    assert image_grid([solid(RED)] * 3, columns=3).shape == (8, 30, 3)


def test_a_sheet_without_captions_is_exactly_its_images():
    sheet = contact_sheet([[solid(RED), solid(GREEN)], [solid(BLUE)]], scale=2)
    assert sheet.shape == (2 * MARGIN + 2 * 16 + GAP, 2 * MARGIN + 2 * 20 + GAP, 3)
    inner = sheet[MARGIN:-MARGIN, MARGIN:-MARGIN]
    np.testing.assert_array_equal(inner[:16, :20], to_uint8(solid(RED, 16, 20)))
    np.testing.assert_array_equal(inner[:16, 20 + GAP :], to_uint8(solid(GREEN, 16, 20)))
    np.testing.assert_array_equal(inner[16 + GAP :, :20], to_uint8(solid(BLUE, 16, 20)))
    covered = (sheet != WHITE).any(-1).sum()
    assert covered == 3 * 16 * 20


def test_captions_stand_outside_of_the_images():
    rows = [[solid(RED, 64, 64)] * 2] * 3
    labels = ["seed 0\n26.9 dB", "seed 1", "a long caption"], ["0°", "the true object"]
    sheet = contact_sheet(rows, *labels)
    height, width = 3 * 64 + 2 * GAP + MARGIN, 2 * 64 + GAP + MARGIN
    plain = contact_sheet(rows)[MARGIN:, MARGIN:]
    np.testing.assert_array_equal(sheet[-height:, -width:], plain)
    above, left = sheet[:-height], sheet[-height:, :-width]
    for i in range(3):
        assert (left[i * (64 + GAP) :][:64] < 128).any()
    for j in range(2):
        assert (above[:, -width:][:, j * (64 + GAP) :][:, :64] < 128).any()
    edges = [sheet[0], sheet[-1], sheet[:, 0], sheet[:, -1]]
    assert all((edge == WHITE).all() for edge in edges)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), r"Images of one size are expected, given none"),
        (([[], []],), r"Images of one size are expected, given none"),
        (([[solid(RED)], [solid(RED, 9)]],), r"given \[\(8, 10\), \(9, 10\)\]"),
        (([[solid(RED)]], ["a", "b"]), r"2 row labels are given for 1 rows"),
        (([[solid(RED)] * 3], [], ["a"]), r"1 column labels are given for 3 columns"),
    ],
)
def test_sheets_that_cannot_be_made(arguments, message):
    with pytest.raises(ValueError, match=message):
        contact_sheet(*arguments)


def test_a_grid_needs_an_image():
    with pytest.raises(ValueError, match=r"Images of one size are expected, given none"):
        image_grid([])


def test_png_is_exact(tmp_path):
    image = np.random.default_rng(0).random((7, 5, 3), np.float32)
    save_png(tmp_path / "new" / "x.png", image)
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "new" / "x.png")), to_uint8(image)
    )
