"""The list of scenes and what a stage makes of their tables."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.config.kinds import Choice, made
from sdjax.config.tables import complete
from sdjax.scene import SCENES
from sdjax.scene.background import Learned, Random, Solid
from sdjax.scene.fields import FIELDS
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.hash_grid import HashGrid
from sdjax.scene.fields.mlp import MLP
from sdjax.scene.image import Image
from sdjax.scene.kind import Place
from sdjax.scene.latents import Latents
from sdjax.scene.nerf import NeRF
from sdjax.scene.shading import PointLight
from tests.defaults import check_defaults

pytestmark = pytest.mark.usefixtures("quick_compilation")

PLACE = Place(size=8, latent_shape=(4, 4, 5), grid=6, normals=False, perturbed_normals=False)
VIEW = Camera(*(jnp.float32(value) for value in (33.3, 21.7, 3.2, 40.0)))
CLASSES = {"dense_grid": DenseGrid, "hash_grid": HashGrid, "mlp": MLP}
CHOICES = {"background", "shading"}  # tests of their own below
OF_RAYS = {"samples", "proposals", "chunk", "normal_step"}
every_scene = pytest.mark.parametrize("name", SCENES)


def made_of(place=PLACE, steps=1, **table):
    """The scene of a table that leaves out what is not said."""
    return made(SCENES, complete(table, Choice(SCENES), "scene."), steps, place=place)


def test_every_field_is_a_scene_beside_pictures_and_latents():
    assert CLASSES.keys() == FIELDS.keys()
    assert SCENES.keys() == {"image", "latents", *FIELDS}


@pytest.mark.parametrize("name", CLASSES)
def test_the_defaults_of_a_field_are_those_of_its_class(name):
    check_defaults(FIELDS[name].fields, CLASSES[name])


@pytest.mark.parametrize("name", CLASSES)
def test_the_defaults_of_a_radiance_field_are_those_of_its_class(name):
    fields = {k: v for k, v in SCENES[name].fields.items() if k not in FIELDS[name].fields}
    assert fields.keys() == {*OF_RAYS, *CHOICES, "perturbation"}
    check_defaults({k: fields[k] for k in OF_RAYS}, NeRF)
    assert fields["perturbation"].default == 0.01 and fields["perturbation"].meaning
    assert made_of(name=name) == NeRF(field=FIELDS[name].make(6))


def test_the_defaults_of_pictures_are_those_of_their_classes():
    check_defaults(SCENES["image"].fields, Image)
    check_defaults(SCENES["latents"].fields, Latents)


@pytest.mark.slow
@every_scene
def test_a_scene_is_flat_where_its_kind_says_so_and_renders_as_large_as_it_may(name):
    table = {"hash_grid": {"log2_table_size": 4, "levels": 2}, "mlp": {"width": 4}}.get(name, {})
    scene = made_of(name=name, **table)
    assert scene.is_flat == SCENES[name].is_flat == (name in ("image", "latents"))
    assert scene.in_latent_space == (name == "latents")
    height, width, channels = PLACE.latent_shape if scene.in_latent_space else (8, 8, 3)
    params = scene.init(jax.random.key(0))
    out = jax.jit(lambda p: scene.render(p, VIEW, None, height, width))(params)
    assert out.colour.shape == (height, width, channels)
    assert (out.samples is None) == scene.is_flat


@pytest.mark.slow
@every_scene
def test_params_move_to_the_next_stage(name):
    """Those of a grid are interpolated at its vertices, all others have one size."""
    scene, finer = made_of(name=name), made_of(PLACE._replace(grid=11), name=name)
    key = jax.random.key(0)
    params = jax.eval_shape(scene.init, key) if name == "hash_grid" else scene.init(key)
    if name != "dense_grid":
        assert finer.moved(params) is params
        return
    moved = jax.jit(finer.moved)(params)
    assert jax.tree.map(jnp.shape, moved) == jax.tree.map(jnp.shape, finer.init(key))
    np.testing.assert_allclose(
        moved["field"]["grid"][::2, ::2, ::2], params["field"]["grid"], atol=1e-6
    )


def test_steps_of_a_table_are_parts_of_the_run():
    scene = made_of(
        steps=200,
        name="hash_grid",
        progressive=(2, 50, 20),
        shading={"name": "point_light", "start": 40, "textureless": 0.0},
    )
    assert scene.field.progressive == (2, 0.25, 0.1)
    assert scene.shading == PointLight(start=0.2, textureless=0.0)


@pytest.mark.parametrize(
    ("name", "background"),
    [("white", Solid()), ("learned", Learned()), ("random", Random(Learned()))],
)
def test_the_background_of_a_table(name, background):
    assert made_of(name="dense_grid", background=name).background == background


def test_normals_are_asked_for_by_what_needs_them():
    """The deviation of displaced points matters only where a regulariser looks at them."""
    asked = PLACE._replace(normals=True)
    scenes = [
        made_of(place, name="mlp", perturbation=0.3)
        for place in (PLACE, asked, asked._replace(perturbed_normals=True))
    ]
    assert [(s.normals, s.perturbation) for s in scenes] == [
        (False, None),
        (True, None),
        (True, 0.3),
    ]
