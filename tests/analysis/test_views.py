"""The objects of prompts, their views, and the prior of these."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.analysis.checks import load_config
from sdjax.analysis.views import blurred, make_images, make_objects, prior_of_views
from sdjax.objects.prompts import find
from sdjax.objects.render import render_views
from sdjax.runs.sampling import view_cameras

pytestmark = pytest.mark.usefixtures("quick_compilation")


def config(**overrides):
    small = {"resolution": 8, "camera.azimuths": (0.0, 120.0), "prompts": ("a mug", "a tree")}
    return load_config("analysis/inverted_noise", {**small, **overrides})


def test_the_first_objects_of_each_prompt_are_chosen_and_none_twice():
    mugs, red = find("a mug"), find("a red mug")
    chosen = make_objects(config(**{"prompts": ("a mug", "a red mug"), "prior.data_std": 0.0}))
    expected = {obj.name: ("a red mug", obj) for obj in red[:2]}
    expected |= {obj.name: ("a mug", obj) for obj in mugs[:2]}
    assert {obj.name: (prompt, obj) for prompt, obj in chosen} == expected
    one_each = make_objects(config(**{"analysis.objects_per_prompt": 1}))
    assert [obj.noun for _, obj in one_each] == ["mug", "tree"]


@pytest.mark.slow
def test_views_are_renderings_in_whole_steps_of_a_byte():
    objects = find("a mug")[:2]
    images = make_images(config(), objects)
    rendered = render_views(objects, view_cameras(config().camera), 8)
    assert images.shape == (2, 2, 8, 8, 3)
    assert np.abs(images - np.asarray(rendered)).max() <= 0.501 / 255
    np.testing.assert_allclose(255 * images, np.round(255 * images), atol=1e-4)


def test_the_prior_knows_just_these_views():
    names, images = ["first", "second"], np.zeros((2, 3, 8, 8, 3), np.float32)
    images[1, 2] = 1.0
    prior = prior_of_views(config(**{"prior.data_std": 0.2}), names, images)
    assert prior.names == ("first",) * 3 + ("second",) * 3 and prior.data_std == 0.2
    np.testing.assert_array_equal(prior.bank[:, 0], np.uint8(255 * images).reshape(6, 8, 8, 3))


def test_blur():
    latents = jnp.zeros((2, 16, 16, 3))
    assert blurred(latents, 0.0, seed=0) is latents
    assert float(blurred(latents, 0.3, seed=0).std()) == pytest.approx(0.3, rel=0.1)
