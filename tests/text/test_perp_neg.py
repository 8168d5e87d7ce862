"""Perp-Neg's mixing against threestudio's, where it is continuous, and that it knows no left."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjax.text.perp_neg import Decay, DecayingWeights, Mixing, mixing, stepped_weights
from tests import reference
from tests.text.cameras import camera

CASES = reference.load("prompts")
SEEN = CASES["cameras"]
DEFAULT = DecayingWeights()
SIDE, FRONT, UNCONDITIONAL = 0, 1, 4
mixed = jax.jit(mixing)
azimuths = st.floats(-720.0, 720.0, width=32)


def in_our_order(neg_mix: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recorded negatives and weights [views, 2, ...] with the front before the side."""
    swap = neg_mix[:, 0, SIDE] == 1.0
    order = np.stack([swap, ~swap], axis=1).astype(int)
    rows = np.arange(len(order))[:, None]
    return neg_mix[rows, order], weights[rows, order]


def with_unconditional(mix: np.ndarray) -> np.ndarray:
    """Recorded coefficients over four directions, -1 throughout for the unconditional one."""
    unconditional = (mix == -1.0).all(axis=-1, keepdims=True)
    return np.concatenate([np.where(unconditional, 0.0, mix), unconditional], axis=-1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if "perpneg_pos_mix" in CASES[name]])
def test_recorded_mixing(name):
    recorded = CASES[name]
    overhead = recorded["thresholds"].tolist()[2]
    ours = mixing(camera(SEEN["azimuth"], SEEN["elevation"]), overhead=overhead)
    negatives, weights = in_our_order(recorded["perpneg_neg_mix"], recorded["perpneg_weights"])
    reference.assert_matches(ours.positive, with_unconditional(recorded["perpneg_pos_mix"]), 1e-6)
    np.testing.assert_array_equal(np.stack(ours.negatives, 1), with_unconditional(negatives))
    reference.assert_matches(np.stack(ours.weights, 1), weights, 1e-6)
    assert 0 < negatives[:, 0, FRONT].sum() < len(negatives)  # overhead ones are among them


def test_recorded_weights_under_other_decays():
    recorded = CASES["custom_decay"]
    decays = {key: Decay(*value.tolist()) for key, value in recorded.items() if key[0] == "f"}
    ours = mixing(camera(SEEN["azimuth"], SEEN["elevation"]), DecayingWeights(**decays))
    order = CASES["default_45_45_60"]["perpneg_neg_mix"]
    _, weights = in_our_order(order, recorded["perpneg_weights"])
    reference.assert_matches(np.stack(ours.weights, 1), weights, 1e-6)


@pytest.mark.slow
def test_recorded_weights_of_the_stable_dreamfusion_family():
    """Its three probes are the positive's coefficients, 10 for the back, and flags of the two
    negatives: (1, 0) for front, side and (0, 1) for side, front."""
    recorded = reference.load("ism")["perpneg_weights"]
    probe, weights = recorded["pos_neg1_neg2_probe"], recorded["weights"]
    mix = mixing(camera(recorded["azimuth"], 0.0), stepped_weights)
    values = jnp.asarray([0.0, 1.0, 10.0, 0.0, 0.0])
    reference.assert_matches(mix.positive @ values, probe[:, 0], 1e-6)
    order = np.where(probe[:, 1:2] == 1.0, [[0, 1]], [[1, 0]])
    theirs = weights[np.arange(len(order))[:, None], 1 + order]
    reference.assert_matches(np.stack(mix.weights, 1), theirs, 1e-6)


def columns(mix: Mixing) -> np.ndarray:
    """Everything that a camera's mixing consists of, a row per view: 15 coefficients, 2 weights."""
    return np.concatenate([mix.positive, *mix.negatives, np.stack(mix.weights, 1)], axis=1)


@settings(deadline=None)
@given(azimuths, st.floats(-90.0, 90.0, width=32))
def test_left_and_right_are_alike(azimuth, elevation):
    there, back = columns(mixed(camera([azimuth, -azimuth], elevation)))
    np.testing.assert_allclose(there, back, atol=2e-6)


@settings(deadline=None)
@given(azimuths, st.sampled_from([-720.0, -360.0, 360.0]))
def test_a_full_turn_changes_nothing(azimuth, turn):
    here, there = columns(mixed(camera([azimuth, azimuth + turn], 10.0)))
    np.testing.assert_allclose(here, there, atol=2e-5)


@settings(deadline=None)
@given(azimuths, st.floats(1e-3, 5.0))
def test_the_mixing_is_continuous_in_azimuth_up_to_the_jump_at_the_side(azimuth, step):
    """|f'| <= 4 x 0.5, 90 degrees are one unit of r; the jumps are those of the docstring."""
    before, after = columns(mixed(camera([azimuth, azimuth + step], 10.0)))
    jump = np.zeros(17)
    jump[15] = abs(DEFAULT.f_fs(jnp.zeros(())) - DEFAULT.f_fsb(jnp.ones(())))
    jump[16] = abs(DEFAULT.f_sf(jnp.ones(())) - DEFAULT.f_sb(jnp.ones(())))
    assert (np.abs(after - before) <= jump + 2.0 * step / 90.0 + 2e-5).all()


def test_the_jump_at_the_side_is_as_stated():
    before, after = columns(mixed(camera([89.9999, 90.0], 10.0)))
    np.testing.assert_allclose(before[:15], after[:15], atol=2e-6)
    np.testing.assert_allclose(np.abs(after - before)[15:], [4.7e-4, 4.1e-4], atol=1e-5)


@settings(deadline=None)
@given(azimuths)
def test_overhead_asks_for_overhead_alone(azimuth):
    mix = mixed(camera([azimuth], 60.1))
    np.testing.assert_array_equal(mix.positive, [[0, 0, 0, 1, 0]])
    np.testing.assert_array_equal(np.stack(mix.negatives)[:, 0, UNCONDITIONAL], 1.0)
    np.testing.assert_array_equal(np.stack(mix.weights), 0.0)


@settings(deadline=None)
@given(azimuths, st.floats(-90.0, 90.0, width=32))
def test_coefficients_are_weights_of_a_mean(azimuth, elevation):
    mix = mixed(camera([azimuth], elevation))
    for coefficients in (mix.positive, *mix.negatives):
        assert (np.asarray(coefficients) >= 0.0).all()
        np.testing.assert_allclose(coefficients.sum(), 1.0, atol=1e-6)


@pytest.mark.slow
def test_jit_and_vmap_agree_with_the_plain_call():
    cameras = camera(SEEN["azimuth"], SEEN["elevation"])
    plain = mixing(cameras)
    jax.tree.map(np.testing.assert_array_equal, jax.vmap(mixing)(_split(cameras)), _split(plain))
    compiled = mixed(cameras)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), compiled, plain)


def _split(tree):
    return jax.tree.map(lambda leaf: leaf.reshape(5, 11, *leaf.shape[1:]), tree)
