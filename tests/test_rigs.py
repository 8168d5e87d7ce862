"""Rigs beside MVDream's random cameras, and their laws."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.camera_numbers import camera_to_world, mvdream_camera
from sdjax.cameras import Camera, Perturbation, position, rays, sample_camera
from sdjax.rigs import rig, sample_rig
from tests import reference

CAMERAS = reference.load("multiview/mvdream/cameras")
DRAWN = {name: arrays for name, arrays in CAMERAS.items() if name.startswith("collate")}
RANGES = {"elevation": (-10.0, 45.0), "distance": (1.5, 2.0), "fovy": (40.0, 70.0)}
PERTURBED = {"camera_perturb": 0.1, "center_perturb": 0.2, "up_perturb": 0.02}


def settings(arrays):
    """The numbers of a recorded case, MVDream's where it has its own."""
    given = json.loads(str(arrays["config_json"]))
    return {"azimuth_range": [-180, 180], "relative_radius": True, "zoom_range": [1, 1]} | given


def between(draws, bounds):
    return bounds[0] + draws * (bounds[1] - bounds[0])


def recorded_rig(arrays, dtype):
    """All recorded cameras of a case, from its draws and elevations."""
    given = settings(arrays)
    together = given["n_view"]
    draws = {k: np.asarray(v, np.float64) for k, v in arrays.items() if k[:2] in ("u_", "n_")}
    drawn = between(draws["u_fovy"], given["fovy_range"])  # before the zoom
    distance = between(draws["u_distance"], given["camera_distance_range"])
    if given["relative_radius"]:
        distance = distance / np.tan(np.deg2rad(drawn / 2))
    low, high = given["azimuth_range"]
    assert high - low == 360
    perturbation = Perturbation(
        (2 * draws["u_camera_perturb"] - 1) * given["camera_perturb"],
        draws["n_center_perturb"] * given["center_perturb"],
        draws["n_up_perturb"] * given["up_perturb"],
    )
    first = Camera(
        low + draws["u_azimuth"] / together * (high - low),
        np.asarray(arrays["elevation"][::together], np.float64),
        distance,
        drawn * between(draws["u_zoom"], given["zoom_range"]),
        perturbation,
    )
    first = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), first)
    scenes = jax.vmap(lambda one: rig(one, together))(first)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), scenes)


def assert_recorded(arrays, dtype, tolerance):
    cameras = recorded_rig(arrays, dtype)
    height, width = arrays["rays_d"].shape[1:3]
    origins, directions = jax.jit(jax.vmap(lambda one: rays(one, height, width)))(cameras)
    found = {
        "azimuth": cameras.azimuth,
        "camera_distances": cameras.distance,
        "fovy": cameras.fovy,
        "c2w": camera_to_world(cameras),
        "camera_positions": jax.vmap(position)(cameras),
        "rays_o": origins,
        "rays_d": directions,
        "camera_condition": mvdream_camera(cameras, front=-90.0),
    }
    for name, values in found.items():
        assert values.dtype == dtype
        reference.assert_matches(values, arrays[name], tolerance)


@pytest.mark.parametrize("name", DRAWN)
def test_recorded_cameras_in_single_precision(name):
    assert_recorded(DRAWN[name], jnp.float32, 1e-5)


@pytest.mark.parametrize("name", DRAWN)
def test_recorded_cameras_in_double_precision(x64, name):
    assert_recorded(DRAWN[name], jnp.float64, 1e-5)


def test_the_recordings_have_every_kind_of_rig():
    every = [settings(arrays) for arrays in DRAWN.values()]
    for name in ("relative_radius", "zoom_range", "camera_perturb", "azimuth_range"):
        assert len({str(given[name]) for given in every}) > 1


@pytest.mark.parametrize("name", DRAWN)
def test_the_law_of_elevations_that_is_called_uniform_on_the_sphere(name):
    """As the docstring of `sample_rig` says it, and not the uniform one."""
    arrays, given = DRAWN[name], settings(DRAWN[name])
    low, high = given["elevation_range"]
    draws = np.asarray(arrays["u_elevation"], np.float64)
    if arrays["coin"] < 0.5:
        law = between(draws, (low, high))
    else:
        p = between(draws, ((low + 90) / 180, (high + 90) / 180))
        law = np.rad2deg(np.arcsin(2 * p - 1))
        sines = np.sin(np.deg2rad([low, high]))
        assert not np.allclose(law, np.rad2deg(np.arcsin(between(draws, sines))), atol=0.1)
    np.testing.assert_allclose(arrays["elevation"][:: given["n_view"]], law, atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"even_degrees": 0.5, **PERTURBED}])
def test_a_rig_of_one_is_the_drawn_camera(options):
    key = jax.random.key(3)
    one = sample_camera(key, **RANGES, **options)
    jax.tree.map(
        lambda found, expected: np.testing.assert_array_equal(found[0], expected),
        sample_rig(key, 1, **RANGES, **options),
        one,
    )


@pytest.mark.parametrize("number", [2, 3, 4, 6])
def test_a_rig_goes_once_around_and_shares_all_but_the_azimuth(number):
    key = jax.random.key(3)
    cameras = sample_rig(key, number, **RANGES, **PERTURBED)
    one = sample_camera(key, **RANGES, **PERTURBED)
    assert 0 <= cameras.azimuth[0] < 360 / number
    np.testing.assert_allclose(np.diff(cameras.azimuth), 360 / number, rtol=1e-5)
    np.testing.assert_allclose(number * cameras.azimuth[0], one.azimuth, rtol=1e-6)
    for shared, drawn in zip(
        jax.tree.leaves(cameras._replace(azimuth=None)),
        jax.tree.leaves(one._replace(azimuth=None)),
        strict=True,
    ):
        np.testing.assert_array_equal(shared, np.broadcast_to(drawn, shared.shape))


def test_relative_distances_show_the_same_height_in_every_lens():
    drawn = [sample_rig(jax.random.key(i), 4, relative_distance=True, **RANGES) for i in range(8)]
    plain = [sample_rig(jax.random.key(i), 4, **RANGES) for i in range(8)]
    for relative, given in zip(drawn, plain, strict=True):
        np.testing.assert_array_equal(relative.fovy, given.fovy)
        seen = np.asarray(relative.distance) * np.tan(np.deg2rad(relative.fovy / 2))
        np.testing.assert_allclose(seen, given.distance, rtol=1e-5)
