"""The residual in image space: its recorded numbers, and the loss whose gradient it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.prediction import predicted_x0
from sdjax.rules.contract import Aux, ImageTarget, Rule, Update, guidance_loss, image_residual
from sdjax.rules.weighting import alpha_times_sigma
from tests import reference
from tests.reference import assert_matches, channels_last

SDS = reference.load("sds")


@pytest.mark.parametrize("name", [name for name in SDS if "grad_img" in SDS[name]])
def test_threestudio(name):
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


def drawn():
    image, latents = np.random.default_rng(0).uniform(size=(2, 2, 4, 4, 3))
    target = ImageTarget(jnp.float32(latents), jnp.float32(0.5))
    return jnp.float32(image), target


def test_the_loss_has_both_gradients_and_nothing_else():
    image, target = drawn()
    encode, decode = (lambda image: 2.0 * image), (lambda latents: latents**2)

    def loss(image):
        given = guidance_loss(rule_with_target(target, 3.0), decode)
        return given(encode(image), None, (), None, progress=None, view=None, image=image)[0]

    expected = 2.0 * 3.0 + 0.5 * (image - target.latents**2)
    np.testing.assert_allclose(jax.grad(loss)(image), expected, rtol=1e-6)


def test_a_missing_image_and_a_wrong_size_are_refused():
    image, target = drawn()
    with pytest.raises(ValueError, match="guidance_loss\\(rule, decode\\)"):
        guidance_loss(rule_with_target(target, 3.0))(
            image, None, (), None, progress=None, view=None, image=image
        )
    with pytest.raises(ValueError, match="resize"):
        image_residual(target, image, lambda latents: latents[:, ::2])
