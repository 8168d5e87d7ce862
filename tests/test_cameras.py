"""The camera convention: right-handed, z up, looking at the origin."""

from functools import partial

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from sdjax import cameras
from tests import reference

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
        for camera in (view(0, elevation), perturbed(view(0, elevation))):
            assert np.all(
                np.isfinite(
                    np.concatenate(jax.tree.leaves(jax.tree.map(jnp.ravel, gradient(camera))))
                )
            )


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


RANGES = {"elevation": (-10.0, 45.0), "distance": (1.5, 2.0), "fovy": (40.0, 70.0)}
PERTURBED = {"camera_perturb": 0.1, "center_perturb": 0.2, "up_perturb": 0.02}


def draw(number, **options):
    one = partial(cameras.sample_camera, **RANGES, **options)
    return jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(5), number))


def perturbed(camera, position=(0, 0, 0), centre=(0, 0, 0), up=(0, 0, 0)):
    moves = (jnp.array(move, jnp.float32) for move in (position, centre, up))
    return camera._replace(perturbation=cameras.Perturbation(*moves))


@FEW
@given(views)
def test_a_perturbation_of_nothing_changes_nothing(camera):
    for found, expected in zip(axes(perturbed(camera)), axes(camera), strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_array_equal(position(perturbed(camera)), position(camera))


moves = st.tuples(*[st.floats(-0.3, 0.3)] * 3)


@pytest.mark.slow
@FEW
@given(st.floats(0, 360), st.floats(-60, 60), moves, moves, moves)
def test_a_perturbed_camera_sees_its_centre_in_the_middle(azimuth, elevation, eye, centre, up):
    straight = view(azimuth, elevation, 2.0)
    camera = perturbed(straight, eye, centre, up)
    eye = np.asarray(position(straight)) + np.float32(eye)
    np.testing.assert_allclose(position(camera), eye, atol=1e-6)
    right, upwards, forward = (np.asarray(axis, np.float64) for axis in axes(camera))
    frame = np.stack([right, upwards, -forward])
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(frame), 1, atol=1e-5)
    towards = np.float32(centre) - eye
    np.testing.assert_allclose(forward, towards / np.linalg.norm(towards), atol=1e-5)
    # the moved up vector lies in the plane of up and forward, on the side of up
    moved = np.array([0, 0, 1]) + np.array(up)
    assert abs(moved @ right) < 1e-4 and moved @ upwards > 0
    origins, directions = rays(camera, 3, 3)
    np.testing.assert_allclose(directions[1, 1], forward, atol=1e-6)
    np.testing.assert_array_equal(origins, np.broadcast_to(position(camera), (3, 3, 3)))


def test_perturbations_have_their_spread():
    drawn = draw(4000, **PERTURBED).perturbation
    assert drawn.position.shape == (4000, 3)
    assert 0.099 < np.max(np.abs(drawn.position)) <= 0.1
    np.testing.assert_allclose(np.std(drawn.position, axis=0), 0.1 / np.sqrt(3), rtol=0.05)
    np.testing.assert_allclose(np.std(drawn.centre, axis=0), 0.2, rtol=0.05)
    np.testing.assert_allclose(np.std(drawn.up, axis=0), 0.02, rtol=0.05)
    for values in drawn:
        np.testing.assert_allclose(np.mean(values, axis=0), 0, atol=0.05 * np.max(np.abs(values)))
    together = np.concatenate([np.asarray(values) for values in drawn], axis=1)
    assert np.max(np.abs(np.corrcoef(together.T) - np.eye(9))) < 0.06


@pytest.mark.slow
def test_options_leave_the_other_draws_as_they_are():
    plain, varied = draw(64), draw(64, even_degrees=1.0, **PERTURBED)
    assert plain.perturbation is None
    for name in ("azimuth", "distance", "fovy"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(varied, name))
    assert np.all(plain.elevation != varied.elevation)


@pytest.mark.slow
def test_elevations_may_be_even_in_degrees():
    elevation = np.asarray(draw(4000, even_degrees=1.0).elevation)
    shares, _ = np.histogram(elevation, bins=11, range=(-10, 45))
    np.testing.assert_allclose(shares / 4000, 1 / 11, atol=0.015)
    mixed, even, area = (
        np.mean(draw(20000, even_degrees=p).elevation > 40) for p in (0.5, 1.0, 0.0)
    )
    np.testing.assert_allclose(mixed, (even + area) / 2, atol=0.006)


PROMPTS = reference.load("prompts")  # of threestudio's prompt processor


def seen_from(azimuth, elevation):
    azimuth, elevation = jnp.asarray(azimuth), jnp.asarray(elevation)
    return cameras.Camera(azimuth, elevation, jnp.ones_like(azimuth), jnp.ones_like(azimuth))


@pytest.mark.parametrize("name", [name for name in PROMPTS if "direction" in PROMPTS[name]])
def test_recorded_directions(name):
    seen, recorded = PROMPTS["cameras"], PROMPTS[name]
    front, back, overhead = recorded["thresholds"].tolist()
    ours = cameras.view_direction(
        seen_from(seen["azimuth"], seen["elevation"]), front=front, back=back, overhead=overhead
    )
    np.testing.assert_array_equal(ours, recorded["direction"])
    assert set(recorded["direction"].tolist()) == set(range(4))


def test_the_names_are_in_the_recorded_order():
    assert [str(text).split()[-2] for text in PROMPTS["strings"]["suffix"]] == list(
        cameras.DIRECTIONS
    )


@pytest.mark.parametrize(
    ("azimuth", "name"),
    [
        (0.0, "front"),
        (22.4, "front"),
        (22.6, "front left"),
        (90.0, "left"),
        (135.0, "back left"),
        (180.0, "back"),
        (225.0, "back right"),
        (-90.0, "right"),
        (315.0, "front right"),
        (337.4, "front right"),
        (337.6, "front"),
        (359.99998, "front"),
        (360.0, "front"),
        (-22.4, "front"),
        (765.0, "front left"),
    ],
)
def test_octants(azimuth, name):
    assert cameras.OCTANTS[int(cameras.octant(seen_from(azimuth, 10.0)))] == name


def test_left_octants_are_where_one_sees_the_left_side():
    """As the four directions have it, for an array of cameras at once, and under jit."""
    seen = seen_from(jnp.arange(-360.0, 360.0, 7.0), jnp.zeros(103))
    names = [cameras.OCTANTS[k] for k in jax.jit(cameras.octant)(seen).tolist()]
    for azimuth, name in zip(cameras.wrapped_azimuth(seen).tolist(), names, strict=True):
        assert ("left" in name) <= (azimuth > 0) and ("right" in name) <= (azimuth < 0)
        assert ("front" in name) <= (abs(azimuth) < 67.5) and ("back" in name) <= (
            abs(azimuth) > 112.5
        )
