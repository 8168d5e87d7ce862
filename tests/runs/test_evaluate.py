"""From where a run is looked at when it is done, and what is seen."""

import jax
import numpy as np
import pytest

from sdjax.runs import loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.evaluate import (
    evaluation_cameras,
    is_image,
    orbit,
    render_own_particles,
    render_particles,
)
from sdjax.runs.run import open_run
from tests.small_runs import images_config, objects_config

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def trained(objects_run):
    run = open_run(objects_config())
    with Checkpoints(objects_run / "checkpoints") as checkpoints:
        return run, loop.restore(run, checkpoints)[1]


def test_evaluation_cameras_go_around_the_object_and_are_not_those_of_training(trained):
    run, _ = trained
    camera = evaluation_cameras(run)
    low, high = run.config.camera.elevation
    assert camera.azimuth.shape == (3,) and len(set(np.diff(camera.azimuth).tolist())) == 1
    assert ((camera.elevation >= low) & (camera.elevation <= high)).all()
    distance = np.abs(np.asarray(camera.azimuth)[:, None] - np.asarray(run.prior.cameras.azimuth))
    assert distance.min() > 0.1
    assert not is_image(run)


def test_images_are_seen_by_the_camera_of_their_prior():
    run = open_run(images_config())
    assert is_image(run)
    jax.tree.map(np.testing.assert_array_equal, evaluation_cameras(run), run.prior.cameras)


def test_a_turn_is_at_the_middle_of_the_distances(trained):
    run, _ = trained
    wide = run._replace(config=objects_config(**{"camera.distance": (2.0, 3.0)}))
    camera = orbit(wide, 4, 20.0)
    np.testing.assert_allclose(np.diff(camera.azimuth), 90.0)
    np.testing.assert_array_equal(camera.elevation, np.float32([20.0] * 4))
    np.testing.assert_array_equal(camera.distance, np.float32([2.5] * 4))


def test_a_picture_has_no_randomness_and_any_size(trained):
    run, particles = trained
    cameras = evaluation_cameras(run)
    views = render_particles(run, particles, cameras, 12)
    assert views.shape == (2, 3, 12, 12, 3) and 0 <= views.min() < views.max() <= 1
    np.testing.assert_array_equal(render_particles(run, particles, cameras, 12), views)
    np.testing.assert_array_equal(render_own_particles(run, particles, cameras, 12), views)
