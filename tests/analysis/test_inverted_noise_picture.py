import numpy as np

from sdjax.analysis.inverted_noise_picture import PANEL, inverted_noise_picture, scatter
from tests.analysis.colours import BLUE, GREEN, RED, covered, solid


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
