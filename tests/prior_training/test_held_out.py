"""Which renderings count, and for whom."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.objects.prompts import all_objects
from sdjax.prior_training import held_out as module
from sdjax.prior_training.captions import Words
from sdjax.prior_training.classifier import QUESTIONS, Judge
from sdjax.prior_training.held_out import HeldOut, all_disturbed, by_noun, held_out, is_clear
from sdjax.prior_training.judge_report import accuracy, calibration_error
from sdjax.prior_training.sources import Renderings


def cameras(azimuth, elevation):
    number = jnp.ones(len(azimuth))
    return Camera(jnp.asarray(azimuth), jnp.asarray(elevation), number, number)


def test_views_near_a_border_do_not_count():
    azimuth = [0.0, 44.0, 56.0, 320.0, 90.0, 90.0, 45.0]
    elevation = [0.0, 0.0, 0.0, 0.0, 40.0, 50.0, 58.0]
    clear = is_clear(cameras(azimuth, elevation), 45.0, 90.0, 45.0, 10.0)
    assert clear.tolist() == [True, False, True, False, False, False, True]
    clear = is_clear(cameras([0.0, 22.0, 45.0, 350.0, 340.0], [0.0] * 5), 22.5, 45.0, 45.0, 10.0)
    assert clear.tolist() == [True, False, True, True, False]


@pytest.mark.slow
def test_held_out_renderings_have_their_words(monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 4)
    shown = held_out(Renderings(all_objects()[:8], 16), 6, (0, 2), 10.0)
    assert shown.pictures.shape == (6, 16, 16, 3) and len(shown.words) == 6
    assert {one.noun for one in shown.words} == {"mug"}
    assert {name: len(mask) for name, mask in shown.counts.items()} == {"view": 6, "direction": 6}
    changed = all_disturbed(shown, 0)
    assert changed.pictures.shape == shown.pictures.shape and changed.pictures.max() <= 1.0
    assert not np.allclose(changed.pictures, shown.pictures / 255.0)


WORDS = [
    Words("mug", "red", direction="front", octant="front"),
    Words("mug", "red", direction="side", octant="left"),
    Words("car", "red", direction="overhead", octant="front"),
    Words("car", "red", direction="back", octant="back"),
]


def test_by_noun():
    hits, counts = np.array([1, 0, 1, 1], bool), np.array([1, 1, 0, 1], bool)
    assert by_noun(hits, counts, WORDS) == {"all": 0.6667, "mug": 0.5, "car": 1.0}
    assert by_noun(hits, np.array([1, 1, 0, 0], bool), WORDS)["car"] is None


class Certain(Judge):
    """It sees the first answer to each question in every picture, and is sure of it."""

    def probabilities(self, pictures):
        return {name: np.eye(len(names))[[0] * 4] for name, names in QUESTIONS.items()}


def test_accuracy_is_of_what_counts_and_has_an_answer():
    counts = {"view": np.array([1, 1, 1, 0], bool), "direction": np.array([0, 1, 1, 1], bool)}
    told = accuracy(Certain({}), HeldOut(np.zeros((4, 1, 1, 3), np.uint8), WORDS, counts))
    assert told["object"]["all"] == 0.5 and told["colour"]["all"] == 1.0
    assert told["view"] == {"all": 0.3333, "mug": 0.5, "car": 0.0, "calibration": 0.6667}
    assert told["direction"]["all"] == 0.0  # left and back; the view from overhead has none


def test_the_calibration_error_is_the_gap_in_each_bin():
    confidence = np.array([0.91, 0.91, 0.91, 0.91, 0.5])
    assert calibration_error(confidence, np.array([1, 1, 1, 0, 1], bool)) == pytest.approx(
        (4 * 0.16 + 0.5) / 5
    )
    assert calibration_error(np.array([1.0]), np.array([True])) == 0.0
