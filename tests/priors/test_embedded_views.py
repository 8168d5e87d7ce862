"""The embedded prior of several views together, and of one view that is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.config.errors import UserError
from sdjax.config.kinds import made
from sdjax.diffusion.ddim import ddim_sample
from sdjax.diffusion.mixtures import Mixture, predict_noise
from sdjax.objects.prompts import find
from sdjax.objects.render import render_views
from sdjax.priors import PRIOR_OF_RUNS, PRIORS
from sdjax.priors.agreement import agreeing, distances
from sdjax.priors.bank_cameras import nearest_of, spread
from sdjax.priors.embedded import build
from sdjax.priors.kind import Band, Wanted
from sdjax.priors.reference import Reference
from sdjax.runs.combinations import check_config
from sdjax.runs.schema import load_config
from tests import tiny

BAND = Band((-10.0, 45.0), 3.2, 40.0)
JOINT = tiny.PRIOR.replace(cameras=spread(4, BAND, 0.0, 4), views_together=4, band=BAND)
BACKS = ("hedge", "stair", "shed", "cherry")


def camera(azimuth=0.0, elevation=5.0) -> Camera:
    one = jnp.ones(1)
    return Camera(azimuth * one, elevation * one, 3.2 * one, 40.0 * one)


def picture_of(prompt, view, size=64) -> Reference:
    """Of the first object of a prompt."""
    image = render_views(find(prompt)[:1], view, size)[0, 0]
    return Reference(image, jnp.float32(image.min(axis=-1, keepdims=True) < 1.0), view)


@pytest.fixture(scope="module")
def facades():
    """Given a picture of the front of a red one."""
    reference = picture_of("a red stair facade", camera())
    return build(find("a facade"), spread(2, BAND), 16, reference=reference)


def test_the_views_of_a_scene_are_joint():
    scenes = jax.tree.map(lambda leaf: jnp.tile(leaf, 2), JOINT.cameras)
    rng, t = np.random.default_rng(0), jnp.asarray(990)
    x_t = jnp.asarray(rng.normal(size=(8, *tiny.SHAPE)), jnp.float32)
    predictor = JOINT.predictor(tiny.CONDITIONING, scenes)
    mixture = Mixture(predictor.modes, predictor.positive)
    expected = predict_noise(JOINT.schedule, x_t, t, mixture, joint=4)
    np.testing.assert_allclose(predictor(x_t, t, 1.0), expected, atol=1e-6)
    alone = JOINT.replace(views_together=1).predictor(tiny.CONDITIONING, scenes)
    assert np.abs(alone(x_t, t, 1.0) - expected).max() > 1e-3


@pytest.mark.slow
def test_samples_show_one_object_each():
    scenes = 32
    cameras = jax.tree.map(lambda leaf: jnp.tile(leaf, scenes), JOINT.cameras)
    predictor = JOINT.predictor(tiny.CONDITIONING, cameras)
    noise = jax.random.normal(jax.random.key(0), (4 * scenes, *tiny.SHAPE))
    drawn = jax.jit(
        lambda x: ddim_sample(lambda x, t: predictor(x, t, 1.0), JOINT.schedule, x, 25)
    )(noise)
    squares = np.mean((drawn[:, None] - predictor.modes) ** 2, axis=(2, 3, 4))
    assert squares.min(axis=1).max() < 1e-4
    found = squares.argmin(axis=1).reshape(scenes, 4)
    assert np.all(found == found[:, :1]) and set(found[:, 0].tolist()) == {0, 1}


def test_views_that_are_no_whole_scene_are_refused():
    with pytest.raises(UserError, match=r"given 3 views, expected a multiple of 4, the views"):
        JOINT.predictor(tiny.CONDITIONING, tiny.cameras(0, 1, 2))


@pytest.mark.parametrize("number", [None, 2])
def test_bins_are_rigs(number):
    prior = JOINT.replace(cameras=spread(12, BAND, 0.0, 4))
    for bins in (prior.view_bins(number, (-10.0, 45.0)), prior.camera_bins(number, (0.0, 10.0))):
        cameras = prior.cameras if number is None else spread(4 * number, BAND, 0.0, 4)
        assert bins.together == 4
        jax.tree.map(np.testing.assert_array_equal, bins.cameras, cameras)
        np.testing.assert_array_equal(
            bins.bin_of(prior.cameras), nearest_of(cameras, prior.cameras, 4)
        )


def test_a_rig_snaps_to_a_rig():
    prior = JOINT.replace(cameras=spread(12, BAND, 0.0, 4))
    turns, full = jnp.arange(4) * 90.0, jnp.ones(4)
    rig = Camera(33.0 + turns, 20.0 * full, 3.2 * full, 40.0 * full)
    snapped = jax.jit(jax.vmap(prior.snap))(jax.tree.map(lambda leaf: leaf[None], rig))
    np.testing.assert_allclose(np.diff(snapped.azimuth[0]) % 360, 90.0, atol=1e-3)
    assert np.ptp(snapped.elevation) == 0


@pytest.mark.slow
def test_objects_of_the_same_front_agree_with_a_picture(facades):
    positive, unconditional = (np.exp(weights) for weights in facades.condition("a facade"))
    red = np.array([name.startswith("red") for name in facades.names])
    np.testing.assert_allclose(positive, np.where(red, 0.25, 0.0), atol=1e-5)
    np.testing.assert_allclose(unconditional, 1 / 8, rtol=1e-6)
    truths = facades.truths("a facade", camera(180.0), 16)
    assert set(truths.names) == {f"red {back} facade" for back in BACKS}
    assert truths.views.shape == (4, 1, 16, 16, 3)


@pytest.mark.slow
def test_a_prompt_narrows_what_agrees(facades):
    positive, unconditional = map(np.exp, facades.condition("a red cherry facade"))
    one = np.array([name == "red cherry facade" for name in facades.names])
    np.testing.assert_allclose(positive, one, atol=1e-6)
    np.testing.assert_allclose(unconditional, one, atol=1e-6)
    with pytest.raises(UserError, match=r"the bank holds no object for 'a mug'"):
        facades.condition("a mug")


@pytest.mark.slow
def test_a_picture_of_something_else_names_the_nearest(facades):
    with pytest.raises(
        UserError,
        match=r"shows none of the prompt's objects; the nearest, the "
        r"blue \w+ facade, differs by 0\.\d\d \(root .*, expected at most 0\.1\.$",
    ):
        facades.condition("a blue facade")  # fmt: skip


@pytest.mark.slow
def test_the_likelihood_is_gaussian(facades):
    """With a deviation so large that all objects have weight."""
    wide = facades.replace(image_std=20.0)
    images = np.asarray(render_views(find("a facade"), camera(), 64), np.float64)[:, 0]
    squares = np.square(images - np.asarray(facades.reference.image)).sum(axis=(1, 2, 3))
    logits = -squares / (2 * 20.0**2)
    expected = np.exp(logits) / np.exp(logits).sum()
    assert expected.max() / expected.min() > 1.2
    np.testing.assert_allclose(np.exp(wide.condition("a facade").positive), expected, rtol=1e-4)
    assert agreeing(np.log(expected)).all()


def test_distances_are_measured_at_the_camera_of_the_picture():
    back = picture_of("a red stair facade", camera(180.0, 20.0))
    found = distances(find("a facade"), back)
    assert found[1] == pytest.approx(0.0, abs=1e-6) and np.delete(found, 1).min() > 0.03


def test_a_prior_without_a_picture_has_no_reference():
    assert tiny.PRIOR.reference is None and tiny.PRIOR.views_together == 1


def test_mirror_images_of_a_picture_are_refused():
    with pytest.raises(UserError, match=r"has a picture, expected none"):
        tiny.PRIOR.replace(reference=Reference(*3 * (jnp.ones(1),))).mirrored()


@pytest.mark.slow
def test_the_package_s_picture_leaves_four_backs_open():
    """Made as a run makes it: the prompt's objects are all that is known, whatever is asked for."""
    table = {"name": "embedded", "image": "sdjax:red_facade.png", "cameras": 4}
    config = load_config({"prior": table, "prompt": "a facade"})
    prior = made(PRIOR_OF_RUNS.kinds, config.prior, wanted=Wanted("a facade", 32, BAND))
    assert len(prior.names) == 8
    assert prior.reference.image.shape == (128, 128, 3)
    assert prior.reference.camera.azimuth[0] == 0 and prior.reference.camera.elevation[0] == 5
    positive = np.exp(prior.condition("a facade").positive)
    red = [name.startswith("red") for name in prior.names]
    np.testing.assert_allclose(positive, np.where(red, 0.25, 0.0), atol=1e-4)
    assert np.asarray(prior.distances)[red].max() < 0.01


@pytest.mark.slow
def test_a_facade_joins_what_guidance_starts_from():
    one = Wanted("a blue hedge facade", 8, camera())
    prior = PRIORS["embedded"].make(one, data_std=0.0)
    assert prior.names[-1] == "blue hedge facade" and len(prior.names) == 65


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"views": "direction"}, r"^config\.prior\.views is 'direction', expected 'camera' where"),
        ({"cameras": 10}, r"^config\.prior\.cameras is 10, expected a multiple of .* is 8\.$"),
    ],
)
def test_settings_that_do_not_go_with_views_together(settings, says):
    table = {"name": "embedded", "views_together": 4, "cameras": 12, **settings}
    config = load_config({"prior": table, "camera": {"views": 4, "rig": 4}})
    with pytest.raises(UserError, match=says):
        check_config(config)


def test_an_unknown_picture_of_the_package_is_found_at_once():
    table = {"name": "embedded", "image": "sdjax:blue.png"}
    with pytest.raises(UserError, match=r"^The package has no picture sdjax:blue\.png, only"):
        check_config(load_config({"prior": table, "prompt": "a facade"}))
