"""The numbers that tell VSD's network the camera."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera, axes, position
from sdjax.rules.vsd.camera_features import camera_matrix, spherical
from tests import reference
from tests.reference import assert_matches

UNIFIED = reference.load("unified")
CAMERA = Camera(*jnp.asarray([[37.0, 131.0], [12.0, 25.0], [1.7, 1.9], [40.0, 40.0]]))


def recorded_camera(vectors) -> Camera:
    """Of recorded rows (elevation in radians, sine and cosine of the azimuth, distance)."""
    elevation, sine, cosine, distance = np.float64(vectors).T
    azimuth = np.rad2deg(np.arctan2(sine, cosine))
    columns = azimuth, np.rad2deg(elevation), distance, np.full(len(distance), 40.0)
    return Camera(*(jnp.float32(column) for column in columns))


@pytest.mark.parametrize("name", [name for name in UNIFIED if name.endswith("_spherical")])
def test_the_spherical_camera_is_the_recorded_one(name):
    recorded = UNIFIED[name]["camera"]
    assert_matches(spherical(recorded_camera(recorded)), recorded, 1e-6)


def test_the_spherical_camera_by_hand():
    """From above, behind, the side and below; the lens says nothing."""
    angles = [[0.0, 180.0, 90.0, -30.0], [90.0, 0.0, 30.0, -45.0]]
    camera = Camera(*jnp.asarray([*angles, [1.0, 2.0, 3.0, 4.0], [40.0, 50.0, 60.0, 70.0]]))
    root = 3**0.5 / 2
    expected = [
        [np.pi / 2, 0.0, 1.0, 1.0],
        [0.0, 0.0, -1.0, 2.0],
        [np.pi / 6, 1.0, 0.0, 3.0],
        [-np.pi / 4, -0.5, root, 4.0],
    ]
    np.testing.assert_allclose(spherical(camera), expected, atol=1e-6)


@pytest.mark.slow
def test_the_camera_matrix_takes_the_camera_to_the_world():
    """Its origin to the position, and the point straight ahead to the middle of the scene."""
    matrices = camera_matrix(CAMERA).reshape(2, 4, 4)
    for i, matrix in enumerate(matrices):
        camera = jax.tree.map(lambda leaf, i=i: leaf[i], CAMERA)
        np.testing.assert_allclose(matrix @ jnp.eye(4)[3], [*position(camera), 1.0], atol=1e-6)
        ahead = jnp.asarray([0.0, 0.0, -camera.distance, 1.0])
        np.testing.assert_allclose(matrix @ ahead, [0.0, 0.0, 0.0, 1.0], atol=1e-6)
        np.testing.assert_allclose(matrix[:3, 0], axes(camera)[0], atol=1e-6)
        np.testing.assert_allclose(jnp.linalg.det(matrix[:3, :3]), 1.0, atol=1e-5)
