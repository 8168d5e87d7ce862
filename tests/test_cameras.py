"""The camera convention: right-handed, z up, looking at the origin."""

from functools import partial

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings

from sdjax import cameras

FEW = settings(max_examples=30, deadline=None, derandomize=True)
views = st.tuples(
    st.floats(-360, 720), st.floats(-90, 90), st.floats(0.1, 50), st.floats(1, 170)
).map(lambda values: cameras.Camera(*(jnp.float32(value) for value in values)))

axes = jax.jit(cameras.axes)
position = jax.jit(cameras.position)
rays = jax.jit(cameras.rays, static_argnums=(1, 2))


def view(azimuth, elevation, distance=3.0, fovy=40.0):
    return cameras.Camera(*(jnp.float32(v) for v in (azimuth, elevation, distance, fovy)))


def test_named_positions():
    for angles, expected in (((0, 0), [3, 0, 0]), ((90, 0), [0, 3, 0]), ((0, 90), [0, 0, 3])):
        np.testing.assert_allclose(position(view(*angles)), expected, atol=1e-5)


@FEW
@given(views)
def test_axes_are_a_right_handed_frame_that_looks_at_the_origin(camera):
    right, up, forward = axes(camera)
    frame = np.stack([right, up, -forward])
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(frame), 1, atol=1e-5)
    np.testing.assert_allclose(forward * camera.distance, -position(camera), rtol=1e-5)
    assert up[2] >= -1e-6 and abs(right[2]) < 1e-6


@FEW
@given(views)
def test_rays_start_at_the_camera_and_are_symmetric_around_the_origin(camera):
    origins, directions = rays(camera, 4, 6)
    assert origins.shape == directions.shape == (4, 6, 3)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(origins, np.broadcast_to(position(camera), (4, 6, 3)))
    mean = np.mean(np.asarray(directions), axis=(0, 1))
    _, _, forward = axes(camera)
    np.testing.assert_allclose(mean / np.linalg.norm(mean), forward, atol=1e-5)


@FEW
@given(views)
def test_the_first_row_is_the_top_and_the_first_column_the_left(camera):
    right, up, _ = axes(camera)
    _, directions = (np.asarray(values, np.float64) for values in rays(camera, 4, 6))
    assert np.all(directions[0] @ up > directions[-1] @ up)
    assert np.all(directions[:, 0] @ right < directions[:, -1] @ right)


@FEW
@given(views)
def test_the_field_of_view_spans_the_height(camera):
    """Pixel centres of an image of n rows span the tangents (1 - 1/n) of the full angle's."""
    _, up, forward = axes(camera)
    _, directions = rays(camera, 4, 1)
    tangent = np.dot(directions[0, 0], up) / np.dot(directions[0, 0], forward)
    np.testing.assert_allclose(
        tangent, 0.75 * np.tan(np.deg2rad(camera.fovy / 2)), rtol=1e-3, atol=1e-5
    )


def test_pixels_are_square():
    _, directions = rays(view(0, 0), 4, 8)
    flat = directions / -directions[..., :1]
    np.testing.assert_allclose(flat[0, 1, 1] - flat[0, 0, 1], flat[0, 0, 2] - flat[1, 0, 2], 1e-5)


def test_gradients_are_finite_at_the_poles():
    def total(camera):
        return jnp.sum(cameras.rays(camera, 2, 2)[1]) + jnp.sum(cameras.position(camera))

    gradient = jax.jit(jax.grad(total))
    for elevation in (-90, 0, 90):
        assert np.all(np.isfinite(gradient(view(0, elevation))))


def test_a_turntable_goes_once_around():
    cameras_around = cameras.turntable(4, elevation=10.0, distance=2.0, fovy=30.0)
    np.testing.assert_array_equal(cameras_around.azimuth, [0, 90, 180, 270])
    points = jax.vmap(cameras.position)(cameras_around)
    np.testing.assert_allclose(np.mean(points, axis=0)[:2], 0, atol=1e-6)


def test_drawn_cameras_cover_their_ranges_and_the_sphere_evenly():
    draw = partial(
        cameras.sample_camera, elevation=(-10.0, 45.0), distance=(2.0, 3.0), fovy=(30.0, 60.0)
    )
    drawn = jax.jit(jax.vmap(draw))(jax.random.split(jax.random.key(0), 4000))
    bounds = {"azimuth": (0, 360), "elevation": (-10, 45), "distance": (2, 3), "fovy": (30, 60)}
    for name, (low, high) in bounds.items():
        values = getattr(drawn, name)
        assert low - 1e-3 <= np.min(values) < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < np.max(values) <= high + 1e-3
    heights = np.sin(np.deg2rad(drawn.elevation))  # uniform in height = uniform over the sphere
    low, high = np.sin(np.deg2rad([-10, 45]))
    np.testing.assert_allclose(np.mean(heights), (low + high) / 2, atol=0.02)
    np.testing.assert_allclose(np.std(heights), (high - low) / np.sqrt(12), rtol=0.05)
