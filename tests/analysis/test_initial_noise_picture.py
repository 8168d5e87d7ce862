import numpy as np

from sdjax.analysis.initial_noise_picture import initial_noise_picture
from sdjax.analysis.layout import distinct_colours
from tests.analysis.colours import BLUE, RED, covered, solid


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
