"""The losses whose gradient a rule is: in the latents, and in the image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.prediction import predicted_x0
from sdjax.diffusion.ramps import ramp
from sdjax.rules.contract import (
    Aux,
    ImageTarget,
    Rule,
    Update,
    guidance_loss,
    image_residual,
    image_target,
    surrogate_loss,
)
from sdjax.rules.weighting import alpha_times_sigma
from tests import reference
from tests.reference import assert_matches, channels_last

SHAPE = (2, 8, 8, 4)
SDS = reference.load("sds")


def popular_loss(gradient, latents):
    """0.5 |x - stop_gradient(x - g)|^2, as threestudio has it: x - (x - g) is g, rounded."""
    target = jax.lax.stop_gradient(latents - gradient)
    return 0.5 * jnp.sum((latents - target) ** 2)


def drawn(scale, dtype):
    """A gradient of this scale, and latents."""
    gradient, latents = np.random.default_rng(0).normal(size=(2, *SHAPE))
    return jnp.asarray(scale * gradient, dtype), jnp.asarray(latents, dtype)


def relative_error(loss, gradient, latents):
    found = jax.grad(loss, argnums=1)(gradient, latents)
    assert found.dtype == latents.dtype
    difference = np.asarray(found, np.float64) - np.asarray(gradient, np.float64)
    return np.linalg.norm(difference) / np.linalg.norm(np.asarray(gradient, np.float64))


@pytest.mark.parametrize(
    ("dtype", "scale", "lost"), [(jnp.bfloat16, 1e-2, 0.1), (jnp.float32, 1e-6, 0.02)]
)
def test_small_gradients_survive(dtype, scale, lost):
    gradient, latents = drawn(scale, dtype)
    assert relative_error(surrogate_loss, gradient, latents) == 0.0
    assert relative_error(popular_loss, gradient, latents) > lost


def test_the_gradient_of_a_float32_rule_reaches_bfloat16_latents_rounded_once():
    gradient, _ = drawn(1.0, jnp.float32)
    _, latents = drawn(1.0, jnp.bfloat16)
    found = jax.grad(surrogate_loss, argnums=1)(gradient, latents)
    np.testing.assert_array_equal(found, gradient.astype(jnp.bfloat16))


def test_nothing_flows_into_the_gradient():
    """A rule whose gradient depends on the latents is not differentiated."""
    _, latents = drawn(1.0, jnp.float32)
    found = jax.grad(lambda x: surrogate_loss(x**2, x))(latents)
    np.testing.assert_array_equal(found, latents**2)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SDS if "grad_img" in SDS[name]])
def test_the_image_residual_of_threestudio(name):
    """Its weight (1 - abar) alpha / sigma is alpha sigma."""
    for arrays in reference.samples(SDS[name]):
        case, t = reference.case(arrays, jnp.float32), jnp.asarray(arrays["t"][0])
        noisy, epsilon, image = (
            case.latents(array, jnp.float32) for array in ("latents_noisy", "noise_pred", "image")
        )
        x_0 = predicted_x0(case.schedule, noisy, epsilon, t)
        target = ImageTarget(x_0, alpha_times_sigma(case.schedule, t))
        found = image_residual(target, image, reference.toy_decode)
        assert_matches(found, channels_last(arrays["grad_img"]))


def rule_with_target(target: ImageTarget, gradient: float) -> Rule:
    """A rule that returns what it is told."""

    def update(key, latents, state, predictor, *, progress, view):
        aux = Aux(jnp.int32(0), latents, latents)
        return Update(jnp.full_like(latents, gradient), state, aux, target)

    return Rule(lambda key, shape: (), update)


def image_and_target():
    image, latents = np.random.default_rng(0).uniform(size=(2, 2, 4, 4, 3))
    target = ImageTarget(jnp.float32(latents), jnp.float32(0.5))
    return jnp.float32(image), target


def test_the_loss_has_both_gradients_and_nothing_else():
    image, target = image_and_target()
    encode, decode = (lambda image: 2.0 * image), (lambda latents: latents**2)

    def loss(image):
        given = guidance_loss(rule_with_target(target, 3.0), decode)
        return given(encode(image), None, (), None, progress=None, view=None, image=image)[0]

    expected = 2.0 * 3.0 + 0.5 * (image - target.latents**2)
    np.testing.assert_allclose(jax.grad(loss)(image), expected, rtol=1e-6)


def test_a_missing_image_and_a_wrong_size_are_refused():
    image, target = image_and_target()
    with pytest.raises(ValueError, match="guidance_loss\\(rule, decode\\)"):
        guidance_loss(rule_with_target(target, 3.0))(
            image, None, (), None, progress=None, view=None, image=image
        )
    with pytest.raises(ValueError, match="resize"):
        image_residual(target, image, lambda latents: latents[:, ::2])


def test_a_target_weighs_what_is_asked_for_and_none_is_none():
    latents, half_way = jnp.ones((1, 2, 2, 3)), jnp.float32(0.5)
    assert image_target(latents, 0.0, 0.4, half_way) is None
    for image_weight in (0.3, ramp(0.1, 0.5)):
        target = image_target(latents, image_weight, 0.4, half_way)
        assert target.latents is latents
        np.testing.assert_allclose(target.weight, 0.3 * 0.4, rtol=1e-6)
    nothing = image_target(latents, ramp(0.0, 0.5), 0.4, jnp.float32(0.0))  # not yet
    assert nothing.weight == 0.0
