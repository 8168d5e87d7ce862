"""Prompts of eight directions: which embedding a camera reads, alone or blended with the next."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import OCTANTS
from sdjax.text.conditioning import Conditioning, branches, condition
from sdjax.text.octants import blending
from sdjax.text.views import Prompting, Thresholds
from tests.text.cameras import camera

EIGHT = Prompting(directions=8)
BLENDED = Prompting(directions=8, blend=True)
NONE = -jnp.ones((1, 9))
PROBES = Conditioning(jnp.eye(9)[:, None], NONE, NONE, jnp.ones((1, 9)))  # one-hot
AROUND = np.linspace(-400.0, 400.0, 161)


def read(azimuth, elevation, prompting=EIGHT):
    return np.asarray(branches(PROBES, camera(azimuth, elevation), prompting).positive[:, 0])


@pytest.mark.parametrize("prompting", [EIGHT, BLENDED])
def test_the_middle_of_an_octant_has_its_prompt_alone(prompting):
    found = read(45.0 * np.arange(-8, 9), 10.0, prompting)
    np.testing.assert_array_equal(found, np.eye(9)[np.arange(-8, 9) % 8])


@pytest.mark.parametrize("prompting", [EIGHT, BLENDED])
def test_above_the_threshold_all_read_overhead(prompting):
    lower = Prompting(directions=8, blend=prompting.blend, thresholds=Thresholds(overhead=30.0))
    np.testing.assert_array_equal(read(AROUND, 61.0, prompting)[:, 8], 1.0)
    np.testing.assert_array_equal(read(AROUND, 60.0, prompting)[:, 8], 0.0)
    np.testing.assert_array_equal(read(AROUND, 31.0, lower)[:, 8], 1.0)


def test_an_octant_ends_half_way_to_the_next():
    found = read([22.4, 22.6, -22.4, -22.6, 337.4, 337.6, 359.99, 360.0], 0.0).argmax(-1)
    assert found.tolist() == [0, 1, 0, 7, 7, 0, 0, 0]


def test_prompts_are_in_the_order_of_their_octants():
    """What is embedded at a place is read from there."""
    texts = []
    embed = lambda given: texts.extend(given) or np.zeros((len(given), 1, 1))  # noqa: E731
    assert condition("a bun", EIGHT, embed).directions.shape == (9, 1, 1)
    seen = [texts[i] for i in read(45.0 * np.arange(8), 0.0).argmax(-1)]
    assert seen == [f"a bun, {name} view" for name in OCTANTS]
    assert texts[8:] == ["a bun, overhead view", "", "", "a bun"]


def test_a_blend_is_linear_between_two_neighbours():
    found = read([0.0, 9.0, 22.5, 36.0, -9.0, 351.0, 310.5], 0.0, BLENDED)
    expected = np.zeros((7, 9))
    for row, (first, weight, second) in enumerate(
        [(0, 1.0, 1), (0, 0.8, 1), (0, 0.5, 1), (0, 0.2, 1), (0, 0.8, 7), (0, 0.8, 7), (7, 0.9, 6)]
    ):
        expected[row, [first, second]] = weight, 1.0 - weight
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_blend_is_continuous_all_around_and_sums_to_one():
    weights = np.asarray(blending(camera(AROUND, 0.0)))
    assert weights.min() >= 0.0 and (np.count_nonzero(weights > 1e-6, axis=1) <= 2).all()
    np.testing.assert_allclose(weights.sum(1), 1.0, atol=1e-5)
    assert np.abs(np.diff(weights, axis=0)).max() <= 5.0 / 45.0 + 1e-5  # 5 degrees apart
    np.testing.assert_allclose(weights[:89], weights[72:], atol=1e-5)  # a turn further


def test_four_directions_are_read_as_if_there_were_no_eight():
    """Bit for bit: by indices of the four; a table of before says nothing of directions."""
    four = PROBES._replace(directions=PROBES.directions[:4] * 0.3)
    seen = camera(AROUND, np.linspace(-90, 90, 161))
    found = branches(four, seen, Prompting(directions=4, blend=False))
    turn = np.abs(np.mod(AROUND + 180.0, 360.0) - 180.0)
    index = np.where(turn < 45, 1, np.where(turn > 135, 2, 0))
    index = np.where(np.asarray(seen.elevation) > 60.0, 3, index)
    np.testing.assert_array_equal(found.positive, four.directions[index])
    assert Prompting(directions=4) == Prompting()


def test_without_view_dependence_nothing_is_mixed():
    embed = lambda texts: np.stack([np.full((1, 4), 0.1 + len(t)) for t in texts])  # noqa: E731
    prompting = Prompting(directions=8, blend=True, view_dependent=False)
    found = branches(condition("a bun", prompting, embed), camera(AROUND, 70.0), prompting)
    np.testing.assert_array_equal(found.positive, np.full((161, 1, 4), np.float32(5.1)))


@pytest.mark.parametrize("prompting", [EIGHT, BLENDED])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_under_jit_and_vmap_in_the_embeddings_precision(prompting, dtype):
    embeddings = jax.tree.map(lambda leaf: leaf.astype(dtype), PROBES)
    look = lambda seen: branches(embeddings, seen, prompting).positive  # noqa: E731
    seen = camera(AROUND[:160], 20.0)
    together = jax.jit(jax.vmap(look))(jax.tree.map(lambda leaf: leaf.reshape(8, 20), seen))
    assert together.dtype == dtype and together.shape == (8, 20, 1, 9)
    alone = np.asarray(look(seen), np.float32)
    np.testing.assert_allclose(np.float32(together).reshape(alone.shape), alone, atol=1e-6)
