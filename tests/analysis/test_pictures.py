"""What the pictures of analyses show where."""

import numpy as np

from sdjax.analysis.initial_noise_picture import initial_noise_picture
from sdjax.analysis.inverted_noise_picture import PANEL, inverted_noise_picture, scatter
from sdjax.analysis.layout import distinct_colours
from sdjax.analysis.trajectories import Trajectory
from sdjax.analysis.trajectory_picture import WIDTH, trajectory_picture


def solid(colour, *shape):
    return np.broadcast_to(np.float32(colour), (*shape, 3)).copy()


def covered(picture, colour):
    """Rows and columns that hold several pixels of this colour."""
    found = (picture == np.round(np.multiply(colour, 255)).astype(np.uint8)).all(-1)
    return tuple((found.sum(axis) > 5).nonzero()[0] for axis in (1, 0))


RED, GREEN, BLUE = (1, 0, 0), (0, 1, 0), (0, 0, 1)


def test_trajectories_are_three_rows_of_moments_for_each_run():
    rows = [solid(colour, 2, 8, 8) for colour in (RED, GREEN, BLUE)]
    run = Trajectory(np.int32([900, 20]), *rows)
    picture = trajectory_picture({"one": run, "two": run}, {"one": "a", "two": "b"}, "title")
    for colour in (RED, GREEN, BLUE):
        high, wide = covered(picture, colour)
        assert len(high) == 2 * WIDTH and len(wide) == 2 * WIDTH
    first_rows = [covered(picture, colour)[0][0] for colour in (RED, GREEN, BLUE)]
    assert first_rows == sorted(first_rows)


def test_results_stand_below_their_noise_in_frames():
    noise = np.zeros((1, 2, 8, 8, 4))
    results = {"DDIM": np.stack([solid(RED, 16, 16), solid(BLUE, 16, 16)])[None]}
    sources = [np.array([[0, 1], [2, 3]]), np.array([[3, 2], [1, 0]])]
    picture = initial_noise_picture(noise, results, ["unchanged", "shuffled"], sources, [7])
    red, blue = covered(picture, RED), covered(picture, BLUE)
    grey = covered(picture, (0.5, 0.5, 0.5))
    assert grey[0].max() < red[0].min() and red[1].max() < blue[1].min()
    np.testing.assert_array_equal(red[0], blue[0])
    first, last = (np.divide(distinct_colours(4)[k], 255) for k in (0, 3))
    columns = covered(picture, first)[1]
    assert columns.min() < red[1].min() and columns.max() > blue[1].max()  # it moved to the right
    assert covered(picture, last)[1].min() < blue[1].min()


def test_a_scatter_keeps_directions_and_stays_inside():
    layout = np.array([[[0.0, 0.0], [10.0, 0.0]], [[0.0, 10.0], [5.0, 5.0]]])
    images = np.stack([solid(RED, 2, 4, 4), solid(BLUE, 2, 4, 4)])
    panel = scatter(layout, images)
    assert panel.shape == (PANEL, PANEL, 3)
    red, blue = covered(panel, RED), covered(panel, BLUE)
    assert red[0].max() < PANEL / 4 and red[1].max() > 3 * PANEL / 4
    assert blue[0].max() > 3 * PANEL / 4 and blue[1].min() < PANEL / 4
    assert min(red[0].min(), blue[1].min()) > 0


def test_the_legend_names_every_object():
    layouts = dict.fromkeys(("left", "right"), np.zeros((3, 2, 2)) + np.arange(3)[:, None, None])
    images = np.stack([solid(colour, 2, 4, 4) for colour in (RED, GREEN, BLUE)])
    notes = dict.fromkeys(layouts, "note")
    picture = inverted_noise_picture(layouts, images, ["a", "b", "c"], notes)
    assert picture.shape[1] > 2 * PANEL and picture.shape[0] > PANEL + 100
    below = picture[-60:]
    assert all(len(covered(below, colour)[0]) for colour in (RED, GREEN, BLUE))
