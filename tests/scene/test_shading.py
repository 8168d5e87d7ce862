"""Light on a scene: equations, statistics of the draws, and what reaches a picture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera, position
from sdjax.scene.background import Solid
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.nerf import NeRF
from sdjax.scene.shading import SHADINGS, Lighting, PointLight, shade
from tests.defaults import check_defaults

from .shapes import Ball

CAMERA = Camera(*(jnp.float32(value) for value in (30, 20, 1.8, 50)))
ALBEDO = jnp.array([[0.8, 0.4, 0.2]] * 4)
POINTS = jnp.zeros((4, 3))
# towards the light, at 60 degrees, at right angles, away
NORMALS = jnp.array([[0.0, 0, 1], [3**0.5 / 2, 0, 0.5], [1, 0, 0], [0, 0, -1]])
RECEIVED = np.array([1.0, 0.55, 0.1, 0.1])


def lighting(shaded=True, textureless=False, place=(0.0, 0, 2)):
    return Lighting(
        jnp.array(place),
        jnp.float32(0.1),
        jnp.float32(0.9),
        jnp.array(shaded),
        jnp.array(textureless),
    )


def draws(light, number=4000, progress=0.5):
    keys = jax.random.split(jax.random.key(0), number)
    return jax.jit(jax.vmap(lambda key: light.draw(key, CAMERA, progress)))(keys)


def test_the_three_ways_to_show_a_point():
    shown = shade(lighting(), ALBEDO, POINTS, NORMALS)
    np.testing.assert_allclose(shown, ALBEDO * RECEIVED[:, None], rtol=1e-5)
    white = shade(lighting(textureless=True), ALBEDO, POINTS, NORMALS)
    np.testing.assert_allclose(white, np.repeat(RECEIVED[:, None], 3, axis=1), rtol=1e-5)
    for textureless in (False, True):
        plain = shade(lighting(shaded=False, textureless=textureless), ALBEDO, POINTS, NORMALS)
        np.testing.assert_array_equal(plain, ALBEDO)


def test_gradients_are_finite_even_where_the_light_stands_in_a_point_without_normal():
    gradient = jax.grad(lambda *at: jnp.sum(shade(lighting(place=(0.0, 0, 0)), *at)), (0, 1, 2))
    for normals in (NORMALS, jnp.zeros((4, 3))):
        assert all(jnp.all(jnp.isfinite(g)) for g in gradient(ALBEDO, POINTS, normals))


def test_lights_stand_around_the_camera_at_their_distance():
    places = draws(PointLight()).position
    lengths = np.linalg.norm(places, axis=1)
    assert 0.8 <= lengths.min() < 0.81 and 1.49 < lengths.max() <= 1.5
    np.testing.assert_allclose(lengths.mean(), 1.15, atol=0.01)
    towards = position(CAMERA) / 1.8
    cosines = places @ towards / lengths
    # the direction of (1.8, 0, 0) plus a normal deviate: numpy's draw of the same
    deviates = np.random.default_rng(0).normal((1.8, 0, 0), size=(100_000, 3))
    expected = (deviates[:, 0] / np.linalg.norm(deviates, axis=1)).mean()
    np.testing.assert_allclose(cosines.mean(), expected, atol=0.015)
    close = draws(PointLight(spread=0.0, distance=(2.0, 2.0)), 4).position
    np.testing.assert_allclose(close, np.tile(2 * towards, (4, 1)), rtol=1e-5)


def test_shares_of_the_three_ways():
    drawn = draws(PointLight(probability=0.3, textureless=0.75))
    np.testing.assert_allclose(np.mean(drawn.shaded), 0.3, atol=0.025)
    np.testing.assert_allclose(np.mean(drawn.textureless[drawn.shaded]), 0.75, atol=0.04)
    assert jnp.all(drawn.ambient == jnp.float32(0.1)) and jnp.all(drawn.diffuse == jnp.float32(0.9))


@pytest.mark.slow
@pytest.mark.parametrize(("progress", "share"), [(0.0, 0.0), (0.0999, 0.0), (0.1, 1.0), (1.0, 1.0)])
def test_light_comes_on_at_its_start(progress, share):
    light = PointLight(start=0.1, probability=1.0)
    assert np.mean(draws(light, 50, jnp.float32(progress)).shaded) == share


def test_soft_light_is_partly_ambient():
    drawn = draws(PointLight(soft=True))
    np.testing.assert_allclose(drawn.ambient + drawn.diffuse, 1, rtol=1e-6)
    np.testing.assert_allclose(
        [np.mean(drawn.diffuse), np.std(drawn.diffuse)], [0.5, 12**-0.5], atol=0.02
    )


BALL = NeRF(
    field=Ball(radius=2.0),
    background=Solid((0.0, 0.0, 0.0)),
    samples=64,
    proposals=128,
    normals=True,
)
ALWAYS = PointLight(probability=1.0, textureless=0.0, spread=0.0, distance=(1.5, 1.5))
EMPTY = {"field": {}, "background": {}}


def seen(nerf, key, progress=1.0):
    return jax.jit(
        lambda key, progress: nerf.render(EMPTY, CAMERA, key, 17, 17, progress=progress)
    )(key, progress)


@pytest.mark.slow
def test_a_ball_lit_from_the_camera_is_bright_in_the_middle():
    key = jax.random.key(1)
    plain, lit = seen(BALL, key), seen(BALL.replace(shading=ALWAYS), key)
    np.testing.assert_array_equal(plain.opacity, lit.opacity)
    np.testing.assert_allclose(lit.colour[8, 8], plain.colour[8, 8], rtol=0.01)
    covered = np.asarray(plain.opacity[..., 0] > 0.99)
    brightness = np.where(covered, lit.colour[..., 0] / plain.colour[..., 0], np.nan)
    assert np.nanargmax(brightness) == 8 * 17 + 8
    assert 0.09 < np.nanmin(brightness) < 0.5


@pytest.mark.slow
def test_evaluation_and_the_time_before_the_start_show_the_albedo():
    key, shaded = jax.random.key(1), BALL.replace(shading=ALWAYS.replace(start=0.5))
    np.testing.assert_array_equal(seen(shaded, None).colour, seen(BALL, None).colour)
    np.testing.assert_array_equal(seen(shaded, key, 0.4).colour, seen(BALL, key).colour)
    assert jnp.any(seen(shaded, key, 0.6).colour != seen(BALL, key).colour)


@pytest.mark.slow
def test_light_shapes_a_learned_field():
    """A textureless picture has gradients on the density, finite ones, and none on the colours."""
    field = DenseGrid(resolution=6, radius=2.0)
    light = ALWAYS.replace(textureless=1.0)
    nerf = NeRF(field=field, samples=8, proposals=0, shading=light)
    params = nerf.init(jax.random.key(0))

    @jax.jit
    def gradient(params):
        picture = lambda p: nerf.render(p, CAMERA, jax.random.key(1), 8, 8).colour  # noqa: E731
        return jax.grad(lambda p: jnp.sum(picture(p)))(params)["field"]["grid"]

    found = gradient(params)
    assert jnp.all(jnp.isfinite(found)) and jnp.any(found[..., 0] != 0)
    assert jnp.all(found[..., 1:] == 0)


def test_the_shadings_of_a_configuration():
    """None, or the point light, which begins at a step of the run."""
    assert SHADINGS.keys() == {"albedo", "point_light"}
    assert SHADINGS["albedo"].fields == {} and SHADINGS["albedo"].make() is None
    fields = SHADINGS["point_light"].fields
    check_defaults(fields, PointLight)
    assert fields["start"].read(300, 1000) == 0.3
