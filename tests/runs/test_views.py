"""The views of a step: rigs of cameras, and the view of a picture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.priors.reference import Reference
from sdjax.runs.build import make_recipe
from sdjax.runs.combinations import check_config
from sdjax.runs.particle import ReferenceView, middle
from sdjax.runs.schema import load_config
from sdjax.runs.stages import stages, views_of
from sdjax.runs.step import draw_cameras, show, step_keys
from sdjax.scene.reference_losses import REFERENCE_LOSSES
from tests import tiny
from tests.runs.test_particle import RECIPE
from tests.small_runs import objects_config

TURNS = np.array([0.0, 90.0, 180.0, 270.0])


class Anywhere(type(tiny.PRIOR)):
    """A prior that knows every camera."""

    def snap(self, camera):
        return camera


ANYWHERE = Anywhere(**vars(tiny.PRIOR))


def test_a_step_has_whole_rigs():
    """Four cameras that share all but the azimuth; two rigs are drawn apart."""
    recipe = RECIPE.replace(views=8, rig=4)
    camera = draw_cameras(recipe, ANYWHERE, jax.random.key(0))
    azimuth = np.asarray(camera.azimuth).reshape(2, 4)
    np.testing.assert_allclose(azimuth - azimuth[:, :1], np.stack([TURNS, TURNS]), atol=1e-3)
    elevation = np.asarray(camera.elevation).reshape(2, 4)
    assert np.ptp(elevation, axis=1).max() == 0.0 and elevation[0, 0] != elevation[1, 0]


def test_single_cameras_are_drawn_as_before_there_were_rigs():
    from sdjax.cameras import sample_camera

    recipe, key = RECIPE.replace(views=3), jax.random.key(5)
    ranges = {k: v for k, v in recipe.cameras._asdict().items() if k != "relative_distance"}
    one = jax.vmap(lambda key: sample_camera(key, **ranges))(jax.random.split(key, 3))
    jax.tree.map(np.testing.assert_array_equal, draw_cameras(recipe, ANYWHERE, key), one)


def reference():
    """A grey picture with an object in its middle, from camera 0 of the tiny bank."""
    mask = jnp.zeros((16, 16, 1)).at[4:12, 4:12].set(1.0)
    return Reference(1.0 - 0.5 * jnp.broadcast_to(mask, (16, 16, 3)), mask, tiny.cameras(0))


@pytest.mark.slow
def test_the_view_of_the_picture_is_compared_with_it():
    losses = tuple((name, 2.0, kind.loss) for name, kind in REFERENCE_LOSSES.items())
    recipe = RECIPE.replace(reference=ReferenceView(losses, 8))
    prior = tiny.PRIOR.replace(reference=reference())
    params = recipe.scene.init(jax.random.key(0))
    shown, view = show(recipe, prior, step_keys(jnp.int32(0), jnp.int32(0)), params, jnp.int32(0))
    assert set(shown.penalties) == set(REFERENCE_LOSSES) == set(recipe.weights)
    assert all(float(value) > 0 for value in shown.penalties.values())
    assert len(view.opacity) == recipe.views  # the rule does not see it

    def rgb(params):
        keys = step_keys(jnp.int32(0), jnp.int32(0))
        return show(recipe, prior, keys, params, jnp.int32(0))[0].penalties["reference_rgb"]

    assert any(np.any(leaf) for leaf in jax.tree.leaves(jax.grad(rgb)(params)))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"camera.views": 6, "camera.rig": 4},
            r"config\.camera\.views has 6, expected multiples of config\.camera\.rig, which is 4; "
            r"the nearest is 8",
        ),
        (
            {"stages.views": (4, 2), "camera.rig": 4},
            r"config\.stages\.views has 2, expected multiples of",
        ),
        (
            {"prior.views_together": 4, "prior.cameras": 4},
            r"config\.camera\.rig is 1, expected 4 where config\.prior\.name is 'embedded', which "
            r"draws 4 views of an object together",
        ),
        (
            {"losses.reference_rgb": 500.0},
            r"config\.losses\.reference_rgb is 500\.0, expected 0 where the prior has no picture",
        ),
        ({"stages.views": (2,)}, r"config\.stages has 2 grid, 2 resolution, 2 steps, 1 views"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        check_config(objects_config(**changes))


def test_a_background_that_the_picture_has_not():
    changes = {
        "prior.image": "picture.png",
        "losses.reference_mask": 1.0,
        "scene.background": "random",
    }
    from sdjax.runs.combinations import _check_reference

    with pytest.raises(UserError, match=r"config\.scene\.background is 'random', expected 'white'"):
        _check_reference(objects_config(**changes))


def test_stages_have_views_and_a_size_of_the_picture_of_their_own():
    config = objects_config(
        **{"stages.views": (4, 2), "stages.reference_resolution": (16, 32), "camera.views": 8}
    )
    assert views_of(config) == (4, 2)
    assert [(s.views, s.reference_resolution) for s in stages(config)] == [(4, 16), (2, 32)]
    recipes = [make_recipe(config, tiny.PRIOR, stage) for stage in stages(config)]
    assert [recipe.views for recipe in recipes] == [4, 2]
    assert views_of(objects_config(**{"camera.views": 3})) == (3, 3)


def test_a_relative_distance_keeps_the_object_as_large():
    """tan(fovy / 2) times the distance is what it is for a lens of 90 degrees."""
    config = load_config("demo", {"camera.fovy": (20.0, 60.0), "camera.distance": (2.0, 4.0)})
    assert middle(config.camera) == (3.0, 40.0)
    relative = load_config(config, {"camera.relative_distance": True})
    distance, fovy = middle(relative.camera)
    assert distance * np.tan(np.deg2rad(fovy / 2)) == pytest.approx(3.0)
