"""What a prior draws by itself, from the cameras of the particles."""

import numpy as np
import pytest

from sdjax.cameras import turntable
from sdjax.evaluation import samples
from sdjax.evaluation.samples import samples_of, sampling_cameras
from sdjax.runs.evaluate import held_out_cameras
from tests.small_runs import objects_config

DDIM = {"guidance_scale": 1.0, "steps": 5, "spacing": "trailing"}


def test_cameras_of_a_prior_of_single_views_stay_as_they_are():
    around = turntable(6, 10.0, 3.2, 40.0)
    for one, other in zip(sampling_cameras(around, 1)[:4], around[:4], strict=True):
        np.testing.assert_array_equal(one, other)


def test_cameras_that_are_drawn_together_are_rigs():
    config = objects_config()
    cameras = sampling_cameras(held_out_cameras(config.camera, 16), 4)
    turns = np.asarray(cameras.azimuth).reshape(4, 4)
    np.testing.assert_allclose(turns - turns[:, :1], [[0, 90, 180, 270]] * 4)
    heights = np.asarray(cameras.elevation).reshape(4, 4)
    assert (heights == heights[:, :1]).all() and len(np.unique(heights)) == 4
    assert sorted(np.asarray(cameras.azimuth)) == pytest.approx(np.arange(16) * 22.5 + 7.0)


def test_samples_are_kept_and_damaged_ones_drawn_again(tmp_path, monkeypatch):
    drawn = []

    def draw(run, sampling):
        drawn.append(sampling)
        return np.full((2, 3, 4, 4, 3), 7, np.uint8), turntable(3, 10.0, 3.2, 40.0)

    monkeypatch.setattr(samples, "_draw", draw)
    file = tmp_path / "samples" / "red_mug.npz"
    first, again = (samples_of(None, DDIM, file) for _ in range(2))
    assert len(drawn) == 1 and drawn[0].steps == 5
    for one, other in zip((first[0], *first[1][:4]), (again[0], *again[1][:4]), strict=True):
        np.testing.assert_array_equal(one, other)
    file.write_bytes(file.read_bytes()[:-30])
    samples_of(None, DDIM, file)
    assert len(drawn) == 2


@pytest.mark.slow
def test_the_exact_prior_draws_its_objects(tmp_path):
    """From cameras of its bank, whatever is asked for."""
    config = objects_config(prompt="a red mug")
    pictures, cameras = samples_of(config, DDIM | {"steps": 20}, tmp_path / "red_mug.npz")
    assert pictures.shape == (2, 3, 16, 16, 3) and len(cameras.azimuth) == 3
    from sdjax.runs.build import make_prior

    truth = make_prior(config).truths("a red mug", cameras, 16).views[0]
    assert np.abs(pictures / 255.0 - truth).max() < 0.05
