"""Which texel sees which face, against the recordings of CFD's official generator."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.rules.noise import surface_noise
from sdjax.rules.noise.rasterise import rasterise
from sdjax.rules.noise.surface_maps import AXES, SIGNS, equal_area, layer_of
from tests import tiny
from tests.rules.noise.recorded_surface import CASES, LAYERS, POINTS, SCENE, SIZE, TEXELS


@functools.partial(tiny.jit, static_argnames="smooth")
def rasterised(points, opacity, square, smooth):
    """In each map the faces that its texels see in each layer, and the layer of each face."""
    faces = surface_noise.triangles(SIZE)
    corners, solid = surface_noise.corner_points(points, opacity, SIZE, smooth=smooth)

    def one_map(axes, sign):
        points = corners[:, axes]
        points = jnp.where(square, equal_area(points, sign), points)
        layers = layer_of(points[:, 2][faces], LAYERS, drop_straddling=True)
        layers = jnp.where(jnp.all(solid[faces], axis=1), layers, -1)
        look = lambda layer: rasterise(points, faces, layers == layer, TEXELS, TEXELS)  # noqa: E731
        return jax.lax.map(look, jnp.arange(LAYERS)), layers

    return jax.lax.map(lambda place: one_map(*place), (jnp.asarray(AXES), jnp.asarray(SIGNS)))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if "random" not in name])
def test_every_texel_sees_the_recorded_face(name):
    recorded = iter(CASES[name]["raster_face_id"])
    for points, opacity in zip(POINTS, SCENE["opacity"], strict=True):
        ours = rasterised(points, opacity, "square" in name, "smooth" in name)
        for seen, layers in zip(*map(np.asarray, ours), strict=True):
            for layer in range(LAYERS):
                (own,) = np.nonzero(layers == layer)  # the recorded call had only these faces
                if len(own):
                    index = np.concatenate([[0], own + 1])[next(recorded)]
                    np.testing.assert_array_equal(seen[layer], index)
    assert next(recorded, None) is None


@pytest.mark.slow
def test_a_window_that_is_large_enough_changes_nothing():
    """The faces are an eighth of 48 texels wide and high."""
    vertices = np.random.default_rng(1).uniform(-1, 1, (81, 3)).astype(np.float32)
    rows, columns = np.divmod(np.arange(81), 9)
    vertices[:, :2] = np.stack([columns, rows], axis=1) / 4.0 - 1.0
    faces, kept = surface_noise.triangles((8, 8)), jnp.ones(128, bool)
    look = tiny.jit(rasterise, static_argnums=(3, 4))
    small, large = (look(vertices, faces, kept, 48, window) for window in (7, 48))
    np.testing.assert_array_equal(small, large)
    assert (large > 0).all()
