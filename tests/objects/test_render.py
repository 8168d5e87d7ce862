"""Images as integrals over pixels, and colours that do not depend on the camera."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera, position
from sdjax.objects import render as rendering
from sdjax.objects.lighting import shade
from sdjax.objects.model import Object, stack_models, to_model
from sdjax.objects.prompts import find
from sdjax.objects.render import render, render_pairs, render_views
from sdjax.objects.shapes import turn
from sdjax.objects.solids import Polyhedron, Vessel
from tests import tiny
from tests.objects.test_catalogue import VIEWS
from tests.objects.test_intersection import RAYS
from tests.objects.test_visibility import find_first

SIZE = 32
render_small = jax.jit(partial(render, height=SIZE, width=SIZE))
render_fine = jax.jit(partial(render, height=2 * SIZE, width=2 * SIZE, samples=1))


SHOTS = [(7.0, 21.0, 3.2, 40.0), (130.0, -10.0, 3.0, 45.0), (250.0, 60.0, 3.4, 35.0)]


def camera(azimuth, elevation=20.0):
    return Camera(*(jnp.float32(value) for value in (azimuth, elevation, 3.2, 40.0)))


def named(prompt):
    (obj,) = find(prompt)
    return obj


def rotated(solid, rotation):
    if isinstance(solid, Vessel):
        return Vessel(*(rotated(part, rotation) for part in solid))
    if isinstance(solid, Polyhedron):
        return solid._replace(normals=np.float32(solid.normals @ rotation.T))
    return solid._replace(
        centre=np.float32(rotation @ solid.centre),
        to_local=np.float32(solid.to_local @ rotation.T),
    )


@pytest.mark.parametrize("prompt", ["a green pickup car", "a red round teapot"])
def test_values_and_background(prompt):
    image = render_small(to_model(named(prompt)), camera(40.0))
    colour, opacity, depth = (np.asarray(field) for field in image)
    assert colour.min() >= 0 and colour.max() <= 1
    assert opacity.min() == 0 and opacity.max() == 1
    np.testing.assert_array_equal(colour[opacity[..., 0] == 0], 1.0)
    assert np.all(depth[opacity == 0] == 0)
    assert np.all(np.abs(depth[opacity > 0] - 3.2) < 0.9)


def test_supersampling_is_the_mean_of_a_finer_image():
    model = to_model(named("a purple rocking chair"))
    coarse, fine = render_small(model, camera(70.0)), render_fine(model, camera(70.0))
    mean = fine.colour.reshape(SIZE, 2, SIZE, 2, 3).mean((1, 3))
    np.testing.assert_allclose(coarse.colour, mean, atol=1e-6)


@pytest.mark.parametrize("prompt", ["a white striped teapot", "a black pirate sailboat"])
def test_turning_object_and_camera_together_changes_only_the_light(prompt):
    obj, angle = named(prompt), 50.0
    turned = Object(obj.noun, obj.words, tuple(rotated(s, turn("z", angle)) for s in obj.solids))
    one = render_small(to_model(obj), camera(10.0))
    other = render_small(to_model(turned), camera(10.0 + angle))
    assert float(jnp.abs(one.opacity - other.opacity).mean()) < 1e-3  # a few rays at outlines
    assert float(jnp.abs(one.depth - other.depth).mean()) < 3e-3
    assert float(jnp.abs(one.colour - other.colour).mean()) > 1e-3


def test_a_point_looks_the_same_from_everywhere():
    model = to_model(named("a blue spotted teapot"))
    first, second = position(camera(30.0)), position(camera(75.0, 35.0))
    random = np.random.default_rng(0)
    directions = jnp.asarray(random.uniform(-0.5, 0.5, (3, RAYS)), jnp.float32) - first[:, None]
    hit = find_first(model, first, directions)
    points = first[:, None] + jnp.where(jnp.isfinite(hit.depth), hit.depth, 0.0)[None] * directions
    again = find_first(model, second, points - second[:, None])
    both = np.isfinite(hit.depth) & (np.abs(again.depth - 1) < 1e-4)
    assert both.sum() > 15
    one, other = (shade(seen.colour, seen.normal, points[2]) for seen in (hit, again))
    difference = np.abs(np.asarray(one - other))[:, both].max(0)
    assert np.mean(difference > 0.02) < 0.02  # an edge may fall to either of its faces


def test_many_views_are_the_single_ones():
    objects = find("a mug")
    images = render_views(objects, VIEWS, SIZE)
    assert images.shape == (8, 6, SIZE, SIZE, 3)
    single = render_small(to_model(objects[1]), jax.tree.map(lambda field: field[2], VIEWS))
    np.testing.assert_allclose(images[1, 2], single.colour, atol=1e-5)


def test_objects_can_be_vmapped():
    """Each object has its own number of solids; none leaks into its neighbour."""
    objects = find("a mug")[:3]
    images = jax.vmap(render_small, (0, None))(stack_models(objects), camera(40.0))
    for obj, image in zip(objects, images.colour, strict=True):
        single = render_small(to_model(obj), camera(40.0)).colour
        np.testing.assert_allclose(image, single, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("on_cpu", [True, False])
def test_pairs_are_the_single_ones(monkeypatch, on_cpu):
    """One after the other, or all at once as on accelerators."""
    monkeypatch.setattr(rendering, "_is_cpu", lambda: on_cpu)
    models = stack_models([*find("a red low car"), *find("a black mug"), *find("a teal rocket")])
    cameras = Camera(*(jnp.float32(row) for row in zip(*SHOTS, strict=True)))
    images = tiny.jit(lambda *pairs: render_pairs.__wrapped__(*pairs, SIZE))(models, cameras)
    assert images.shape == (3, SIZE, SIZE, 3)
    for i, image in enumerate(images):
        pair = jax.tree.map(lambda leaf: leaf[i], (models, cameras))  # noqa: B023
        difference = jnp.abs(image - render_small(*pair).colour).max(-1)
        assert float((difference > 1e-5).mean()) < 0.002  # a ray at an edge
    assert float(jnp.abs(images[0] - images[1]).mean()) > 0.01
