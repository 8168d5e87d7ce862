"""Meshes of known shapes."""

import numpy as np
import pytest

from sdjax.scene.mesh import extract_mesh, save_mesh

from .shapes import Ball, BoxAndFloater, Fog, Shell

RESOLUTION = 40


@pytest.fixture(scope="module")
def ball():
    return extract_mesh(Ball(), {}, RESOLUTION)


def test_a_ball_has_its_volume_and_its_colour(ball):
    assert ball.is_watertight
    np.testing.assert_allclose(ball.volume, 4 / 3 * np.pi * 0.495**3, rtol=0.01)
    radii = np.linalg.norm(ball.vertices, axis=1)
    assert np.max(np.abs(radii - 0.495)) < 0.002  # where the density is 5
    assert np.all(ball.visual.vertex_colors[:, :3] == [204, 102, 51])


def test_normals_point_outwards(ball):
    assert np.min(np.sum(ball.vertex_normals * ball.vertices, axis=1)) > 0.35


def test_a_larger_cube_keeps_the_world_units(ball):
    larger = extract_mesh(Ball(radius=2.0), {}, 79)  # the same spacing of the grid
    assert larger.is_watertight
    np.testing.assert_allclose(larger.volume, ball.volume, rtol=0.01)
    np.testing.assert_allclose(np.linalg.norm(larger.vertices, axis=1), 0.495, atol=0.002)
    assert np.all(larger.visual.vertex_colors[:, :3] == [204, 102, 51])
    filled = extract_mesh(Fog(radius=2.0, density=20.0), {}, 8)
    np.testing.assert_allclose(filled.extents, 4, atol=0.02)


def test_floaters_are_dropped_unless_asked_for():
    whole = extract_mesh(BoxAndFloater(), {}, RESOLUTION, smallest=0.0)
    largest = extract_mesh(BoxAndFloater(), {}, RESOLUTION)
    assert (whole.body_count, largest.body_count) == (2, 1)
    np.testing.assert_allclose(largest.extents, [0.99, 0.79, 0.59], atol=0.005)
    # the colour of each vertex is that of its octant
    colours = np.asarray(largest.visual.vertex_colors[:, :3])
    clear = np.all(np.abs(largest.vertices) > 0.01, axis=1)
    np.testing.assert_array_equal(colours[clear] > 127, largest.vertices[clear] > 0)


def test_cavities_are_filled(ball):
    hollow = extract_mesh(Shell(), {}, RESOLUTION)
    assert hollow.body_count == 1
    np.testing.assert_allclose(hollow.volume, ball.volume, rtol=1e-5)


def test_density_up_to_the_faces_is_closed():
    mesh = extract_mesh(Fog(density=20.0), {}, 8)
    assert mesh.is_watertight
    np.testing.assert_allclose(mesh.extents, 2, atol=0.01)


def test_an_empty_scene_is_refused():
    with pytest.raises(ValueError, match=r"at most 0\.7"):
        extract_mesh(Fog(density=0.7), {}, 8)


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply"])
def test_meshes_survive_a_file(ball, tmp_path, suffix):
    import trimesh

    path = tmp_path / f"ball{suffix}"
    save_mesh(ball, path)
    loaded = trimesh.load(path, force="mesh")
    np.testing.assert_allclose(loaded.volume, ball.volume, rtol=1e-3)
    assert np.all(loaded.visual.vertex_colors[0, :3] == [204, 102, 51])


def test_an_unknown_suffix_is_refused(ball, tmp_path):
    with pytest.raises(ValueError, match=r"ball\.stl.*\.glb, \.obj, \.ply"):
        save_mesh(ball, tmp_path / "ball.stl")
    assert not list(tmp_path.iterdir())
