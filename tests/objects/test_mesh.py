"""Meshes are closed, and look like the rendering of the same object."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from sdjax.cameras import Camera, axes, position
from sdjax.objects.lighting import shade
from sdjax.objects.mesh import to_mesh
from sdjax.objects.model import to_model
from sdjax.objects.placement import GROUND
from sdjax.objects.prompts import find
from sdjax.objects.render import render
from sdjax.objects.tessellation import surface
from tests.objects.random_solids import (
    level,
    random_polyhedron,
    random_round,
    random_torus,
    random_vessel,
)
from tests.objects.test_intersection import RAYS
from tests.objects.test_visibility import find_first

SIZE = 128
VIEW = Camera(*(jnp.float32(value) for value in (35.0, 25.0, 3.2, 40.0)))
PROMPTS = ["a red mug", "a purple round house", "a yellow round chair", "a pink round car"]
render_view = jax.jit(lambda model: render(model, VIEW, SIZE, SIZE))


def pixels(points):
    """Column and row of points, by the camera's convention."""
    right, up, forward = (np.asarray(axis) for axis in axes(VIEW))
    offset = points - np.asarray(position(VIEW))
    focal = 0.5 * SIZE / np.tan(0.5 * np.deg2rad(40.0))
    z = offset @ forward
    return np.stack([offset @ right, -(offset @ up)], -1) * focal / z[..., None] + SIZE / 2


def silhouette(mesh):
    """Drawn large, because a drawn triangle includes its outline."""
    image = Image.new("L", (16 * SIZE, 16 * SIZE))
    draw = ImageDraw.Draw(image)
    for corners in 16 * pixels(mesh.triangles):
        draw.polygon([tuple(corner) for corner in corners], fill=255)
    return np.asarray(image.reduce(16)) / 255


@pytest.mark.slow
@pytest.mark.parametrize("prompt", PROMPTS)
def test_silhouettes_of_mesh_and_rendering_agree(prompt):
    (obj,) = find(prompt)
    covered = np.asarray(render_view(to_model(obj)).opacity[..., 0])
    drawn = silhouette(to_mesh(obj))
    assert drawn.sum() == pytest.approx(covered.sum(), rel=0.01)
    assert np.mean(np.abs(drawn - covered) > 0.5) < 0.001


@pytest.mark.slow
@pytest.mark.parametrize("prompt", PROMPTS)
def test_mesh_has_the_colours_of_the_rendering(prompt):
    """Where a ray to the middle of a triangle meets nothing before, both look the same."""
    (obj,) = find(prompt)
    mesh, origin = to_mesh(obj), position(VIEW)
    chosen = np.random.default_rng(0).choice(len(mesh.faces), RAYS)
    points = jnp.asarray(mesh.triangles_center[chosen].T, jnp.float32)
    hit = find_first(to_model(obj), origin, points - origin[:, None])
    seen = np.abs(hit.depth - 1) < 1e-3
    assert seen.sum() > 15
    lit = np.asarray(shade(hit.colour, hit.normal, points[2])).T[seen]
    painted = mesh.visual.vertex_colors[mesh.faces[chosen, 0], :3][seen] / 255
    assert np.quantile(np.abs(lit - painted).max(1), 0.9) < 0.03  # the mesh is faceted


@pytest.mark.parametrize("prompt", PROMPTS)
def test_mesh_stands_on_the_ground_inside_the_ball(prompt):
    (obj,) = find(prompt)
    mesh = to_mesh(obj)
    np.testing.assert_allclose(mesh.bounds[0, 2], GROUND, atol=1e-4)
    assert np.linalg.norm(mesh.vertices, axis=1).max() < 0.9


@pytest.mark.parametrize("make", [random_polyhedron, random_round, random_vessel, random_torus])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31))
def test_triangles_lie_on_the_surface_and_face_outwards(make, seed):
    solid = make(np.random.default_rng(seed))
    triangles = np.concatenate([patch.triangles for patch in surface(solid)])
    distance = np.abs(level(solid, triangles.reshape(-1, 3)))
    assert distance.max() < 1e-4
    volume = np.linalg.det(triangles).sum() / 6
    points = np.random.default_rng(0).uniform(-1.3, 1.3, (100000, 3))
    inside = np.mean(level(solid, points) <= 0)
    noise = 4 * np.sqrt(inside / len(points))
    assert volume == pytest.approx(inside * 2.6**3, rel=0.02, abs=noise * 2.6**3)
