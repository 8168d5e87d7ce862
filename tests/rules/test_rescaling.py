"""Rescalings of a gradient; CSD's recorded ones are in `test_csd.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.ramps import ramp
from sdjax.rules.contract import Aux, ImageTarget, Rule, Update
from sdjax.rules.rescaling import chain, clip, normalise, rescaled, scale
from tests import reference

GRADIENT = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 4, 3)), jnp.float32)
PROGRESS = jnp.float32(0.25)


def test_scale_and_clip_follow_ramps():
    np.testing.assert_allclose(scale(ramp(1.0, 3.0))(GRADIENT, PROGRESS), 1.5 * GRADIENT)
    found = clip(ramp(0.5, 2.5))(GRADIENT, PROGRESS)
    np.testing.assert_array_equal(found, np.clip(GRADIENT, -1.0, 1.0))
    np.testing.assert_array_equal(clip(0.1)(GRADIENT, PROGRESS), np.clip(GRADIENT, -0.1, 0.1))


def test_the_dynamic_clip_of_score_debiasing():
    """It grows from 0.5 to 2; recorded somewhere between."""
    bounds = [clip(ramp(0.5, 2.0))(9.0 * GRADIENT**0, jnp.float32(p)).max() for p in (0, 0.3, 1)]
    np.testing.assert_allclose(bounds, [0.5, 0.95, 2.0], rtol=1e-6)
    arrays = reference.load("sds")["cfg_mid_clip"]
    bound, recorded = float(arrays["grad_clip_val"]), jnp.asarray(arrays["grad"])
    assert bounds[0] <= bound <= bounds[2]
    np.testing.assert_allclose(np.abs(recorded).max(), bound, rtol=1e-6)
    progress = jnp.float32((bound - 0.5) / 1.5)
    np.testing.assert_allclose(clip(ramp(0.5, 2.0))(recorded, progress), recorded, atol=1e-6)


def test_normalised_over_all_views():
    found = normalise()(GRADIENT, PROGRESS)
    np.testing.assert_allclose(np.linalg.norm(found), 1.0, rtol=1e-6)
    np.testing.assert_allclose(found / found[0, 0, 0, 0], GRADIENT / GRADIENT[0, 0, 0, 0], 1e-4)
    np.testing.assert_array_equal(normalise()(jnp.zeros(GRADIENT.shape), PROGRESS), 0.0)


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
    plain = fixed_rule(GRADIENT)
    arguments, given = (None, GRADIENT, 0, None), {"progress": PROGRESS, "view": None}
    found, expected = rescaled(plain, *steps), plain.update(*arguments, **given)
    found = found.update(*arguments, **given)
    gradient = GRADIENT
    for step in steps:
        gradient = step(gradient, PROGRESS)
    np.testing.assert_array_equal(found.gradient, gradient)
    jax.tree.map(np.testing.assert_array_equal, found[1:], expected[1:])
    np.testing.assert_array_equal(chain(*steps)(GRADIENT, PROGRESS), gradient)
