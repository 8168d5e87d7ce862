"""What MVDream and Zero-1-to-3 are told of a camera, beside the official numbers."""

from functools import partial

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from sdjax.camera_numbers import POSES, camera_to_world, mvdream_camera, zero123_pose
from sdjax.cameras import Camera, Perturbation, axes, position, rays
from sdjax.config.errors import UserError
from sdjax.objects.prompts import find
from sdjax.objects.render import render_views
from sdjax.rigs import rig
from sdjax.rules.vsd.camera_features import camera_matrix
from tests import reference

CAMERAS = reference.load("multiview/mvdream/cameras")
POSED = reference.load("multiview/zero123/conventions")
RIGS = [name for name in CAMERAS if name.startswith("rig_")]
REFERENCES = [name for name in POSED if name.startswith("reference_")]
FEW = settings(max_examples=30, deadline=None, derandomize=True)
angles = st.tuples(st.floats(-180, 180), st.floats(-85, 85), st.floats(0.5, 5))


def seen_from(azimuth, elevation, distance=3.0, dtype=jnp.float32):
    values = np.broadcast_arrays(np.atleast_1d(azimuth), elevation, distance, 40.0)
    return Camera(*(jnp.asarray(value, dtype) for value in values))


def one_of(camera):
    return jax.tree.map(lambda leaf: leaf[0], camera)


def span_of(name):
    """Of `rig_n{number}_span{degrees}`; all others go once around."""
    return float(name.rsplit("_span", 1)[1]) if "_span" in name else 360.0


def mvdream_rig(name, dtype):
    """The recorded rig as our cameras: A is its azimuth with the front at 0."""
    arrays = CAMERAS[name]
    number = len(arrays["blender"])
    turns = np.arange(number) * span_of(name) / number
    return seen_from(arrays["azimuth_start"] + turns, arrays["elevation"], dtype=dtype)


@pytest.mark.parametrize("name", RIGS)
def test_recorded_rigs(name):
    found = mvdream_camera(mvdream_rig(name, jnp.float32))
    reference.assert_matches(found, CAMERAS[name]["blender"], 2e-6)


@pytest.mark.parametrize("name", RIGS)
def test_recorded_rigs_in_double_precision(x64, name):
    found = mvdream_camera(mvdream_rig(name, jnp.float64))
    assert found.dtype == jnp.float64
    reference.assert_matches(found, CAMERAS[name]["blender"], 5e-7)


def test_the_recorded_single_matrix_in_double_precision(x64):
    arrays = CAMERAS["single"]
    found = mvdream_camera(seen_from(arrays["azimuth"], arrays["elevation"], dtype=jnp.float64))
    reference.assert_matches(found.reshape(4, 4), arrays["blender"], 1e-7)


@pytest.mark.parametrize("name", [name for name in CAMERAS if name.startswith("pole")])
def test_at_the_poles_right_is_as_recorded(name):
    """Its azimuth is what it says of right, in a world whose y is up: (cos, 0, -sin)."""
    x, _, z = CAMERAS[name]["right_vector"]
    azimuth, elevation = np.rad2deg(np.arctan2(-z, x)), float(name.split("_e")[1])
    matrix = mvdream_camera(seen_from(azimuth, elevation)).reshape(4, 4)
    np.testing.assert_allclose(matrix[:3, 0], [x, -z, 0.0], atol=1e-6)
    # the limit from beside the pole
    near = mvdream_camera(seen_from(azimuth, elevation * 0.999)).reshape(4, 4)
    np.testing.assert_allclose(near, matrix, atol=2e-3)


def test_recorded_normalisation():
    """Positions get length 1, whatever they were; a matrix is an axis-aligned one or any other."""
    arrays = CAMERAS["normalize"]
    places = arrays["camera"][:, :3, 3].astype(np.float64)
    found = np.array(arrays["camera"], np.float64)
    found[:, :3, 3] = places / (np.linalg.norm(places, axis=1, keepdims=True) + 1e-8)
    reference.assert_matches(found.reshape(-1, 16), arrays["out_torch"], 1e-6)
    moved = seen_from(np.zeros(len(places)), 0.0)
    start = np.asarray(jax.vmap(position)(moved))
    push = Perturbation(jnp.float32(places - start), *jnp.zeros((2, len(places), 3)))
    matrices = mvdream_camera(moved._replace(perturbation=push), front=-90.0).reshape(-1, 4, 4)
    recorded = arrays["out_torch"].reshape(-1, 4, 4)[:, :3, 3]
    away = np.linalg.norm(places, axis=1) > 1e-3  # elsewhere rounding is all there is
    reference.assert_matches(matrices[away, :3, 3], recorded[away], 1e-5)


@FEW
@given(angles)
def test_front_at_threestudio_s_turns_nothing(angles):
    camera = seen_from(*angles)
    matrix = np.asarray(camera_to_world(camera))
    found = np.asarray(mvdream_camera(camera, front=-90.0)).reshape(-1, 4, 4)
    np.testing.assert_array_equal(found[..., :3], matrix[..., :3])
    length = np.linalg.norm(matrix[0, :3, 3])
    np.testing.assert_allclose(found[0, :3, 3], matrix[0, :3, 3] / length, atol=1e-6)


@settings(FEW, max_examples=10)
@given(angles, st.floats(-180, 180), *[st.tuples(*[st.floats(-0.2, 0.2)] * 3)] * 3)
def test_turning_cameras_and_front_together_changes_nothing(angles, turn, eye, centre, up):
    """Perturbations turn with them: the up vector's too, for what it is added to is the axis."""

    def numbers(degrees):
        cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        turned = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        moves = (
            jnp.asarray(turned @ np.array(move), jnp.float32)[None] for move in (eye, centre, up)
        )
        azimuth, *others = angles
        camera = seen_from(azimuth + degrees, *others)._replace(perturbation=Perturbation(*moves))
        return mvdream_camera(camera, front=degrees)

    np.testing.assert_allclose(numbers(turn), numbers(0.0), atol=1e-4)


def test_worked_numbers():
    """In MVDream's world the front is seen from (0, -1, 0), with right +x; then from +x."""
    front, left = np.asarray(mvdream_camera(seen_from([0.0, 90.0], 0.0))).reshape(2, 4, 4)
    expected = [[1, 0, 0, 0], [0, 0, -1, -1], [0, 1, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(front, expected, atol=1e-6)
    expected = [[0, 0, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(left, expected, atol=1e-6)


def test_the_matrix_takes_the_camera_s_axes_to_the_world():
    camera = seen_from([10.0, 200.0], [20.0, -40.0])
    matrices = camera_to_world(camera)
    for i, matrix in enumerate(matrices):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], camera)
        right, up, forward = axes(one)
        expected = np.stack([right, up, -forward, position(one)], axis=1)
        np.testing.assert_allclose(matrix[:3], expected, atol=1e-6)
        np.testing.assert_allclose(camera_to_world(one), matrix, atol=1e-6)
    np.testing.assert_array_equal(camera_matrix(camera), matrices.reshape(-1, 16))


def posed(name, dtype):
    arrays = POSED[name]
    elevation, azimuth, distance = arrays["reference_elevation_azimuth_distance"]
    target = (arrays[f"target_{part}"] for part in ("azimuth", "elevation", "distance"))
    return seen_from(*target, dtype=dtype), seen_from(azimuth, elevation, distance, dtype)


def assert_poses(name, dtype, tolerance):
    camera, picture = posed(name, dtype)
    arrays = POSED[name]
    for fourth, kind in zip(POSES, ("zero123", "stable_zero123"), strict=True):
        pose = zero123_pose(camera, picture, fourth)
        assert pose.dtype == dtype
        reference.assert_matches(pose, arrays[f"{kind}_pose"], tolerance)
    for original in (key for key in arrays if key.startswith("original_pose")):
        reference.assert_matches(zero123_pose(camera, picture), arrays[original], 2e-6)
    reference.assert_matches(camera_to_world(camera), arrays["target_c2w"], tolerance)
    reference.assert_matches(camera_to_world(picture)[0], arrays["reference_c2w"], tolerance)
    height, width = arrays["reference_rays_d"].shape[1:3]
    lens = one_of(picture)._replace(fovy=jnp.asarray(arrays["reference_fovy_deg"], dtype))
    _, directions = rays(lens, height, width)
    reference.assert_matches(directions, arrays["reference_rays_d"][0], tolerance)


@pytest.mark.parametrize("name", REFERENCES)
def test_recorded_poses(name):
    assert_poses(name, jnp.float32, 2e-6)


@pytest.mark.parametrize("name", REFERENCES)
def test_recorded_poses_in_double_precision(x64, name):
    assert_poses(name, jnp.float64, 1e-6)


@FEW
@given(angles, angles, st.floats(-360, 360), st.sampled_from(POSES))
def test_turning_the_object_and_all_cameras_changes_no_pose(one, other, turn, fourth):
    def pose(degrees):
        camera, picture = seen_from(*one), seen_from(*other)
        turned = (c._replace(azimuth=c.azimuth + degrees) for c in (camera, picture))
        return zero123_pose(*turned, fourth)

    np.testing.assert_allclose(pose(turn), pose(0.0), atol=1e-4)


@FEW
@given(angles, st.floats(1, 4), st.sampled_from(POSES))
def test_signs_of_a_pose(angles, move, fourth):
    picture = seen_from(*angles)
    pose = partial(zero123_pose, reference=picture, fourth=fourth)
    azimuth, elevation, distance = angles
    assert pose(seen_from(azimuth, elevation + move, distance))[0, 0] < 0  # up
    assert pose(seen_from(azimuth + move, elevation, distance))[0, 1] > 0  # counter-clockwise
    itself = pose(picture)[0]
    last = 0.0 if fourth == "distance" else np.deg2rad(90 - elevation)
    np.testing.assert_allclose(itself, [0, 0, 1, last], atol=1e-6)
    further = pose(seen_from(azimuth, elevation, distance + move))[0, 3] - itself[3]
    np.testing.assert_allclose(further, move if fourth == "distance" else 0.0, atol=1e-5)


def test_another_fourth_number_is_refused():
    camera = seen_from(0.0, 0.0)
    with pytest.raises(UserError, match="'polar', expected one of distance, elevation"):
        zero123_pose(camera, camera, "polar")


@pytest.mark.slow
def test_an_object_shows_its_front_left_back_and_right_and_mvdream_is_told_so():
    """The yellow house has a green door in its front, and a grey chimney behind the ridge, on its
    own left: right of the middle where one sees the front or the left side."""
    cameras = rig(one_of(seen_from(0.0, 20.0, 3.2)), 4)
    resolution = 64
    views = np.asarray(render_views(find("a yellow house"), cameras, resolution))[0]
    red, green, blue = np.moveaxis(views, -1, 0)
    door = (green > red + 0.15) & (green > blue + 0.1)
    np.testing.assert_array_equal(door.any((1, 2)), [True, False, False, False])
    grey = (np.ptp(views, axis=-1) < 0.06) & (views.mean(-1) < 0.8)
    chimney = grey[:, : resolution // 3]
    columns = [np.argwhere(view)[:, 1].mean() - (resolution - 1) / 2 for view in chimney]
    np.testing.assert_array_equal(np.sign(columns), [1, 1, -1, -1])
    assert chimney[1].sum() < chimney[2].sum() > chimney[0].sum()  # it stands at the back
    for azimuth, numbers in zip((0, 90, 180, 270), mvdream_camera(cameras), strict=True):
        matrix = numbers.reshape(4, 4)
        told = np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0]))  # right = (cos A, sin A, 0)
        np.testing.assert_allclose((told - azimuth + 180) % 360 - 180, 0, atol=1e-4)
