"""Rescalings of a gradient; CSD's recorded ones are in `test_csd.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.tables import complete
from sdjax.diffusion.ramps import ramp
from sdjax.rules.contract import Aux, ImageTarget, Rule, Update
from sdjax.rules.rescaling import (
    GRADIENT,
    chain,
    clip,
    made_rescalings,
    normalise,
    rescaled,
    scale,
)
from tests import reference

DRAWN = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 4, 3)), jnp.float32)
PROGRESS = jnp.float32(0.25)


def test_scale_and_clip_follow_ramps():
    np.testing.assert_allclose(scale(ramp(1.0, 3.0))(DRAWN, PROGRESS), 1.5 * DRAWN)
    found = clip(ramp(0.5, 2.5))(DRAWN, PROGRESS)
    np.testing.assert_array_equal(found, np.clip(DRAWN, -1.0, 1.0))
    np.testing.assert_array_equal(clip(0.1)(DRAWN, PROGRESS), np.clip(DRAWN, -0.1, 0.1))


def test_the_dynamic_clip_of_score_debiasing():
    """It grows from 0.5 to 2; recorded somewhere between."""
    bounds = [clip(ramp(0.5, 2.0))(9.0 * DRAWN**0, jnp.float32(p)).max() for p in (0, 0.3, 1)]
    np.testing.assert_allclose(bounds, [0.5, 0.95, 2.0], rtol=1e-6)
    arrays = reference.load("sds")["cfg_mid_clip"]
    bound, recorded = float(arrays["grad_clip_val"]), jnp.asarray(arrays["grad"])
    assert bounds[0] <= bound <= bounds[2]
    np.testing.assert_allclose(np.abs(recorded).max(), bound, rtol=1e-6)
    progress = jnp.float32((bound - 0.5) / 1.5)
    np.testing.assert_allclose(clip(ramp(0.5, 2.0))(recorded, progress), recorded, atol=1e-6)


def test_normalised_over_all_views():
    found = normalise()(DRAWN, PROGRESS)
    np.testing.assert_allclose(np.linalg.norm(found), 1.0, rtol=1e-6)
    np.testing.assert_allclose(found / found[0, 0, 0, 0], DRAWN / DRAWN[0, 0, 0, 0], 1e-4)
    np.testing.assert_array_equal(normalise()(jnp.zeros(DRAWN.shape), PROGRESS), 0.0)


def test_the_norm_of_a_low_precision_gradient_is_taken_in_float32():
    many = jnp.full((1, 64, 64, 4), 1e-3, jnp.bfloat16)
    found = normalise()(many, PROGRESS)
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(found), 1.0 / 128.0, rtol=1e-2)


def fixed_rule(gradient) -> Rule:
    def update(key, latents, state, predictor, *, progress, view):
        target = ImageTarget(latents, jnp.float32(0.5))
        return Update(gradient, state + 1, Aux(jnp.int32(7), latents, latents), target)

    return Rule(lambda key, shape: 0, update)


@pytest.mark.parametrize("steps", [(), (clip(0.1),), (scale(2.0), clip(0.1), normalise())])
def test_a_rescaled_rule_differs_in_its_gradient_alone(steps):
    plain = fixed_rule(DRAWN)
    arguments, given = (None, DRAWN, 0, None), {"progress": PROGRESS, "view": None}
    found, expected = rescaled(plain, *steps), plain.update(*arguments, **given)
    found = found.update(*arguments, **given)
    gradient = DRAWN
    for step in steps:
        gradient = step(gradient, PROGRESS)
    np.testing.assert_array_equal(found.gradient, gradient)
    jax.tree.map(np.testing.assert_array_equal, found[1:], expected[1:])
    np.testing.assert_array_equal(chain(*steps)(DRAWN, PROGRESS), gradient)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, ()),
        ({"clip": 0.1}, (clip(0.1),)),
        ({"normalise": True}, (normalise(),)),
        # half way from step 10 to step 40 of 100
        ({"clip": (10, 0.5, 1.5, 40), "normalise": True}, (clip(1.0), normalise())),
    ],
)
def test_a_table_says_what_is_done_to_the_gradient(table, expected):
    """First clipped, then normalised, and by default nothing."""
    made = made_rescalings(complete(table, GRADIENT, "gradient."), 100)
    ours, theirs = (chain(*steps)(DRAWN, PROGRESS) for steps in (made, expected))
    assert len(made) == len(expected)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
