"""Meshes of known shapes."""

import json
import struct

import jax.numpy as jnp
import numpy as np
import pytest
import trimesh

from sdjax.cameras import Camera, axes, position
from sdjax.config.errors import UserError
from sdjax.scene.glb import to_linear
from sdjax.scene.mesh import Y_UP, extract_mesh, save_mesh

from .shapes import Ball, BoxAndFloater, Faint, Fog, Shell

RESOLUTION = 40


@pytest.fixture(scope="module")
def ball():
    return extract_mesh(Ball(), {}, RESOLUTION)


def load(path):
    """As it was written; trimesh drops colours beside a material."""
    options = {"skip_materials": True} if path.suffix.lower() == ".glb" else {}
    return trimesh.load(path, force="mesh", **options)


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
    """Nothing to see, nothing that stands out, and nothing at that density."""
    with pytest.raises(UserError, match=r"at most 0\.01, so the scene is empty"):
        extract_mesh(Fog(density=0.01), {}, 8)
    for threshold in (None, 5.0):
        with pytest.raises(UserError, match=r"at most 0\.7"):
            extract_mesh(Fog(density=0.7), {}, 8, threshold)


def test_a_scene_that_is_not_finite_is_refused():
    with pytest.raises(UserError, match="some densities are not finite"):
        extract_mesh(Fog(density=float("nan")), {}, 8)


def test_a_faint_scene_has_a_surface_too():
    """Half of its density, where the default threshold of dense scenes finds nothing."""
    mesh = extract_mesh(Faint(), {}, RESOLUTION)
    assert mesh.is_watertight
    np.testing.assert_allclose(
        np.linalg.norm(mesh.vertices, axis=1), 0.5, atol=0.051
    )  # of the grid
    with pytest.raises(UserError, match=r"at density 5, but the density is at most 0\.8"):
        extract_mesh(Faint(), {}, RESOLUTION, threshold=5.0)


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply"])
def test_meshes_survive_a_file(ball, tmp_path, suffix):
    path = tmp_path / f"ball{suffix}"
    save_mesh(ball, path)
    loaded = load(path)
    np.testing.assert_allclose(loaded.volume, ball.volume, rtol=1e-3)
    linear = to_linear(np.array([204, 102, 51]) / 255)
    seen = np.round(255 * linear) if suffix == ".glb" else [204, 102, 51]
    np.testing.assert_array_equal(loaded.visual.vertex_colors[0, :3], seen)


@pytest.mark.parametrize("suffix", [".GLB", ".obj", ".ply"])
def test_up_and_front_are_those_of_the_format(tmp_path, suffix):
    """Of our axes (x towards the camera at azimuth 0, y to its right, z up) each half has a
    colour: red, green and blue are bright where x, y and z are positive."""
    path = tmp_path / f"box{suffix}"
    save_mesh(extract_mesh(BoxAndFloater(), {}, RESOLUTION), path)
    loaded = load(path)
    is_ply = suffix == ".ply"
    ours = loaded.vertices if is_ply else loaded.vertices[:, [2, 0, 1]]
    np.testing.assert_allclose(np.ptp(ours, axis=0), [0.99, 0.79, 0.59], atol=0.005)
    colours = np.asarray(loaded.visual.vertex_colors[:, :3])
    clear = np.all(np.abs(ours) > 0.01, axis=1)
    dark = 54 if suffix == ".GLB" else 127  # 0.5 in linear light
    np.testing.assert_array_equal(colours[clear] > dark, ours[clear] > 0)
    assert loaded.volume > 0  # not mirrored


def test_the_camera_at_azimuth_0_sees_what_looks_along_z_in_glb():
    camera = Camera(*(jnp.float32(value) for value in (0.0, 0.0, 2.0, 40.0)))
    right, up, forward = (Y_UP @ np.asarray(axis) for axis in axes(camera))
    np.testing.assert_allclose(Y_UP @ np.asarray(position(camera)), [0, 0, 2], atol=1e-6)
    np.testing.assert_allclose([right, up, forward], [[1, 0, 0], [0, 1, 0], [0, 0, -1]], atol=1e-6)
    assert np.linalg.det(Y_UP) == pytest.approx(1)


def test_a_pole_stands_in_glb(tmp_path):
    pole = trimesh.creation.box((0.2, 0.2, 2.0))
    pole.visual.vertex_colors = np.tile([39, 125, 50, 255], (8, 1)).astype(np.uint8)
    before = pole.vertices.copy()
    save_mesh(pole, tmp_path / "pole.glb")
    stored = (tmp_path / "pole.glb").read_bytes()
    length = struct.unpack("<I", stored[12:16])[0]
    tree, data = json.loads(stored[20 : 20 + length]), stored[28 + length :]
    (primitive,) = tree["meshes"][0]["primitives"]
    where = tree["accessors"][primitive["attributes"]["POSITION"]]
    extents = np.subtract(where["max"], where["min"])
    np.testing.assert_allclose(extents, [0.2, 2.0, 0.2], atol=1e-6)
    assert tree["nodes"] == [{"mesh": 0}] and primitive["material"] == 0
    (material,) = tree["materials"]
    assert material["pbrMetallicRoughness"]["metallicFactor"] == 0
    assert material["pbrMetallicRoughness"]["roughnessFactor"] == 1
    view = tree["bufferViews"][tree["accessors"][primitive["attributes"]["COLOR_0"]]["bufferView"]]
    colour = np.frombuffer(data, np.float32, 3, view["byteOffset"])
    np.testing.assert_allclose(colour, [0.0203, 0.2051, 0.0319], atol=1e-4)  # IEC 61966-2-1
    assert len(stored) == struct.unpack("<I", stored[8:12])[0] and len(stored) % 4 == 0
    np.testing.assert_array_equal(pole.vertices, before)


def test_a_path_in_the_home(ball, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save_mesh(ball, "~/ball.obj")
    assert (tmp_path / "ball.obj").stat().st_size > 1000


def test_an_unknown_suffix_is_refused(ball, tmp_path):
    with pytest.raises(ValueError, match=r"ball\.stl.*\.glb, \.obj, \.ply"):
        save_mesh(ball, tmp_path / "ball.stl")
    assert not list(tmp_path.iterdir())
