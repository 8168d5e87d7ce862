"""How a particle differs from a picture of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.scene.reference_losses import REFERENCE_LOSSES, reference_mask, reference_rgb, resized
from sdjax.scene.rendering import Rendering

SIZE = 6


def rendering(colour, opacity):
    """A picture without geometry."""
    return Rendering(colour, opacity, jnp.ones_like(opacity), None, None)


@pytest.fixture
def pictures():
    keys = jax.random.split(jax.random.key(0), 4)
    draw = lambda key, channels: jax.random.uniform(key, (SIZE, SIZE, channels))  # noqa: E731
    return rendering(draw(keys[0], 3), draw(keys[1], 1)), draw(keys[2], 3), draw(keys[3], 1)


def test_they_are_means_over_pixels_as_threestudio_has_them(pictures):
    seen, image, mask = pictures
    rgb = np.square(np.float64(seen.colour) - np.float64(image)).mean()
    opacity = np.square(np.float64(seen.opacity) - np.float64(mask)).mean()
    np.testing.assert_allclose(reference_rgb(seen, image, mask), rgb, rtol=1e-5)
    np.testing.assert_allclose(reference_mask(seen, image, mask), opacity, rtol=1e-5)


@pytest.mark.parametrize("name", REFERENCE_LOSSES)
def test_nothing_is_asked_of_the_picture_itself(name, pictures):
    _, image, mask = pictures
    loss = REFERENCE_LOSSES[name].loss
    assert float(loss(rendering(image, mask), image, mask)) == 0.0
    gradient = jax.grad(lambda colour: loss(rendering(colour, mask), image, mask))(image)
    assert not np.any(gradient)


def test_a_smaller_picture_is_of_means():
    """So that a stage of low resolution is drawn to what the eye sees there."""
    picture = jax.random.uniform(jax.random.key(1), (16, 16, 3))
    blocks = np.asarray(picture).reshape(8, 2, 8, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resized(picture, 8), blocks, atol=1e-6)
    np.testing.assert_allclose(resized(picture, 16), picture, atol=1e-6)
    line = jnp.broadcast_to(jnp.arange(3.0)[:, None, None], (3, 3, 1))
    by_hand = [(0 + 0.5 * 1) / 1.5, (0.5 * 1 + 2) / 1.5]
    np.testing.assert_allclose(resized(line, 2)[:, 0, 0], by_hand, rtol=1e-6)
    np.testing.assert_allclose(resized(jnp.full((12, 12, 1), 0.25), 5), 0.25, atol=1e-6)
