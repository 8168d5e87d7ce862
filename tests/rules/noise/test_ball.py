"""The ball that stands for the surface at first."""

import jax
import jax.numpy as jnp
import numpy as np

from sdjax import cameras
from sdjax.cameras import Camera
from sdjax.rules.contract import View
from sdjax.rules.noise.ball import ball_at_first, ball_view
from sdjax.rules.noise.surface_noise import surface


def blank(*azimuths):
    angles = jnp.asarray(azimuths, jnp.float32)
    same = jnp.ones_like(angles)
    opacity = jnp.full((len(azimuths), 16, 16, 1), 0.3)
    return View(Camera(angles, 20.0 * same, 3.0 * same, 40.0 * same), opacity, 5.0 * opacity)


def test_what_it_shows_lies_on_the_ball_and_faces_the_camera():
    seen = ball_view(blank(0.0, 120.0), 0.5)
    for view in range(2):
        camera = Camera(*(leaf[view] for leaf in seen.camera[:4]))
        origins, directions = cameras.rays(camera, 16, 16)
        points = np.asarray(origins + seen.depth[view] * directions)
        hit = np.asarray(seen.opacity[view, ..., 0]) == 1.0
        assert 0.1 < hit.mean() < 0.6 and hit[8, 8] and not hit[0, 0]
        np.testing.assert_allclose(np.linalg.norm(points[hit], axis=-1), 0.5, atol=1e-5)
        towards = np.asarray(cameras.position(camera)) - points[hit]
        assert (np.sum(points[hit] * towards, axis=-1) >= -1e-5).all()


def test_the_surface_itself_comes_after_the_warm_up():
    own, look = blank(30.0), ball_at_first(0.25, 0.5)
    before, after = look(own, jnp.float32(0.24)), look(own, jnp.float32(0.25))
    np.testing.assert_array_equal(before.depth, ball_view(own, 0.5).depth)
    np.testing.assert_array_equal(after.depth, own.depth)
    np.testing.assert_array_equal(after.opacity, own.opacity)


def test_surface_noise_is_that_of_the_ball_until_then():
    """To the bit, since texels at its silhouette hang on the last one."""
    warm, plain = surface(ball_warm_up=0.5, ball_radius=0.9), surface()
    state = plain.init(jax.random.key(0), (8, 8, 2))
    key, view, shape = jax.random.key(1), blank(0.0, 120.0), (2, 8, 8, 2)
    with jax.disable_jit():
        drawn = [warm.draw(key, state, view, shape, jnp.float32(at))[0] for at in (0.4, 0.5)]
        on_the_ball = plain.sample(key, state, ball_view(view, 0.9), shape)
        on_the_surface = plain.sample(key, state, view, shape)
    np.testing.assert_array_equal(drawn[0], on_the_ball)
    np.testing.assert_array_equal(drawn[1], on_the_surface)
    assert np.abs(on_the_ball - on_the_surface).max() > 0.5
