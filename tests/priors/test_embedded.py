"""The embedded prior: cameras, resolutions, prompts, and samples that are its objects."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import position, sample_camera, view_direction
from sdjax.diffusion.ddim import ddim_sample
from sdjax.diffusion.mixtures import Mixture, predict_noise
from sdjax.objects.prompts import find, prompts
from sdjax.priors.bank_cameras import cameras_of_directions
from sdjax.priors.embedded import bank_cameras, build, pooled, resolution_schedule
from sdjax.priors.kind import Data
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")

BAND = {"elevation": (-10.0, 45.0), "distance": 3.2, "fovy": 40.0}
MUGS = tuple(obj.name for obj in find("a mug"))
# Four cameras, of which two share a direction.
DIRECTIONS = tiny.PRIOR.replace(views="direction")


@pytest.fixture(scope="module")
def mugs():
    return build(find("a mug"), bank_cameras(3, **BAND), 16)


def angles(cameras, others) -> np.ndarray:
    """Degrees between all directions of two sets of cameras."""
    ours, theirs = (
        np.asarray(position(c) / c.distance[:, None], np.float64) for c in (cameras, others)
    )
    return np.rad2deg(np.arccos(np.clip(ours @ theirs.T, -1.0, 1.0)))


@functools.cache
def random_cameras():
    ranges = {k: v if isinstance(v, tuple) else (v, v) for k, v in BAND.items()}
    draw = jax.vmap(lambda key: sample_camera(key, **ranges))
    return jax.jit(lambda key: draw(jax.random.split(key, 500)))(jax.random.key(0))


@pytest.mark.slow
def test_the_cameras_of_a_bank_are_spread_over_the_band():
    """A camera of 100 has a solid angle of 15 degrees squared to itself."""
    cameras = bank_cameras(100, **BAND, azimuth=20.0)
    assert cameras.azimuth[0] == 20.0
    assert jnp.all((cameras.azimuth >= 0.0) & (cameras.azimuth < 360.0))
    assert jnp.all((cameras.elevation > -10.0) & (cameras.elevation < 45.0))
    low, high = np.sin(np.deg2rad([-10.0, 45.0]))  # the area between grows as the sine
    assert np.sin(np.deg2rad(cameras.elevation)).mean() == pytest.approx((low + high) / 2, abs=1e-5)
    assert jnp.all((cameras.distance == 3.2) & (cameras.fovy == 40.0))
    apart = angles(cameras, cameras) + 180.0 * np.eye(100)
    assert apart.min() > 8.0
    assert angles(random_cameras(), cameras).min(axis=1).max() < 14.0


@pytest.mark.slow
def test_a_camera_snaps_to_the_nearest_of_the_bank():
    prior = tiny.PRIOR.replace(cameras=bank_cameras(40, **BAND))
    np.testing.assert_array_equal(prior.nearest(prior.cameras), np.arange(40))
    jax.tree.map(np.testing.assert_array_equal, prior.snap(prior.cameras), prior.cameras)
    wanted = random_cameras()
    snapped = jax.jit(jax.vmap(prior.snap))(wanted)
    nearest = angles(wanted, prior.cameras).min(axis=1)
    np.testing.assert_allclose(np.diag(angles(wanted, snapped)), nearest, atol=1e-2)


def test_a_lower_resolution_is_the_mean_of_blocks():
    prior = tiny.PRIOR.replace(schedule=resolution_schedule(64))
    half = prior.at_resolution(4)
    blocks = np.asarray(prior.bank, np.float64).reshape(3, 4, 4, 2, 4, 2, 3).mean(axis=(3, 5))
    assert half.bank.dtype == jnp.uint8 and half.latent_shape(4) == (4, 4, 3)
    assert np.abs(np.asarray(half.bank, np.float64) - blocks).max() <= 0.5
    assert prior.at_resolution(8) is prior
    with pytest.raises(ValueError, match="resolution is 3, expected a divisor of 8"):
        prior.at_resolution(3)


def test_a_timestep_means_the_same_at_every_resolution():
    """The mean of 2 x 2 pixels has a quarter of the noise: log SNR + 2 log 2."""

    def log_snr(resolution):
        table = np.asarray(resolution_schedule(resolution).alphas_cumprod, np.float64)[100:900]
        return np.log(table / (1.0 - table))

    for resolution in (64, 32):
        shift = log_snr(resolution // 2) - log_snr(resolution)
        np.testing.assert_allclose(shift, 2.0 * np.log(2.0), atol=1e-3)
    np.testing.assert_array_equal(log_snr(8), log_snr(4))  # never above the plain cosine


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompt", "named"),
    [("a mug", MUGS), ("a photo of a red mug", ("red mug",)), ("a striped mug", MUGS[2:3])],
)
def test_a_prompt_narrows_the_set(mugs, prompt, named):
    positive, unconditional = (np.exp(weights) for weights in mugs.condition(prompt))
    expected = [1.0 / len(named) if name in named else 0.0 for name in mugs.names]
    np.testing.assert_allclose(positive, expected, rtol=1e-6)
    np.testing.assert_allclose(unconditional, np.full(len(MUGS), 1.0 / len(MUGS)), rtol=1e-6)


def test_an_unknown_prompt_lists_the_known_ones(mugs):
    with pytest.raises(ValueError, match='unknown prompt "a gnome"') as error:
        mugs.condition("a gnome")
    assert all(prompt in str(error.value) for prompt in prompts())
    with pytest.raises(ValueError, match=r"no object for 'a house', only .*red mug"):
        mugs.condition("a house")


@pytest.mark.slow
def test_the_bank_holds_pictures_of_the_objects(mugs):
    bank, names = np.asarray(mugs.bank), mugs.names
    assert bank.shape == (8, 3, 16, 16, 3) and bank.dtype == np.uint8
    assert names == MUGS
    assert np.all(bank[:, :, 0, 0] == 255)  # white corners
    reds = bank[names.index("red mug"), 0, 8, 8].astype(int)
    assert reds[0] > 2 * reds[1] and reds[0] > 2 * reds[2]
    modes = mugs.predictor(mugs.condition("a mug"), mugs.cameras).modes
    np.testing.assert_allclose(modes[1, 5], bank[5, 1] / 127.5 - 1.0, atol=1e-6)


def test_decoding_is_the_inverse_of_encoding_and_clips():
    images = np.linspace(0.0, 1.0, 2 * 4 * 3, dtype=np.float32).reshape(1, 2, 4, 3)
    latents = tiny.PRIOR.encode(jnp.asarray(images))
    assert (latents.min(), latents.max()) == (-1.0, 1.0)
    np.testing.assert_allclose(tiny.PRIOR.decode(latents), images, atol=1e-6)
    np.testing.assert_allclose(
        tiny.PRIOR.decode(2.0 * latents), np.clip(2.0 * images - 0.5, 0, 1), atol=1e-6
    )


@pytest.mark.slow
def test_samples_are_the_objects_in_equal_shares(mugs):
    samples = 128
    camera = jax.tree.map(lambda leaf: jnp.repeat(leaf[:1], samples), mugs.cameras)
    predictor = mugs.predictor(mugs.condition("a mug"), camera)
    noise = jax.random.normal(jax.random.key(0), (samples, *mugs.latent_shape(16)))

    @jax.jit
    def sample(noise):
        return ddim_sample(lambda x, t: predictor(x, t, 1.0), mugs.schedule, noise, 25)

    drawn, modes = sample(noise)[:, None], predictor.modes
    squares = np.mean((drawn - modes) ** 2, axis=(2, 3, 4))
    assert squares.min(axis=1).max() < 1e-5
    found = np.bincount(squares.argmin(axis=1), minlength=8)
    chi_squared = np.sum((found - samples / 8) ** 2) / (samples / 8)
    assert chi_squared < 18.5  # one in a hundred, for 7 degrees of freedom


@jax.jit
def with_directions(camera, x_t, t):
    return DIRECTIONS.predictor(tiny.CONDITIONING, camera)(x_t, t, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(4))
def test_a_direction_shows_all_views_that_share_it(index):
    camera, t = tiny.cameras(index), jnp.asarray(700)
    same = np.flatnonzero(view_direction(DIRECTIONS.cameras) == view_direction(camera))
    assert index in same and len(same) < 4
    pictures = np.asarray(DIRECTIONS.bank, np.float32)[:2, same].reshape(1, -1, *tiny.SHAPE)
    modes = jnp.asarray(pictures / 127.5 - 1.0)
    mixture = Mixture(modes, jnp.zeros((1, modes.shape[1])))
    x_t = 0.5 * jnp.mean(modes, axis=1)
    expected = jax.jit(predict_noise)(DIRECTIONS.schedule, x_t, t, mixture)
    np.testing.assert_allclose(with_directions(camera, x_t, t), expected, atol=1e-5)


def test_looking_at_a_direction_only_changes_nothing():
    """A prior that knows which cameras a word stands for leaves the others out beforehand."""
    own = DIRECTIONS.replace(of_direction=cameras_of_directions(DIRECTIONS.cameras))
    assert own.of_direction.shape == (4, 2)
    camera, x_t = tiny.cameras(0, 1, 2, 3), jnp.ones((4, *tiny.SHAPE))
    whole, less = (p.predictor(tiny.CONDITIONING, camera) for p in (DIRECTIONS, own))
    assert less.modes.shape[1] == whole.modes.shape[1] // 2
    np.testing.assert_allclose(less(x_t, 300, 2.0), whole(x_t, 300, 2.0), atol=1e-5)


def test_the_mirror_images_join_the_data():
    bank, mirrored = np.asarray(tiny.PRIOR.bank), tiny.PRIOR.mirrored()
    np.testing.assert_array_equal(mirrored.bank[3:], bank[:, :, :, ::-1])
    np.testing.assert_array_equal(mirrored.bank[:3], bank)
    assert mirrored.names == tiny.PRIOR.names * 2


@pytest.mark.slow
def test_a_pooled_prior_has_every_view_at_every_camera():
    images = np.asarray(tiny.PRIOR.bank, np.float32) / 255
    prior = pooled(Data(tiny.PRIOR.names, images), tiny.cameras(0), 0.1)
    condition = jax.tree.map(lambda w: jnp.repeat(w, 4), tiny.CONDITIONING)
    predictor = prior.predictor(condition, tiny.cameras(2, 3))
    assert predictor.modes.shape == (2, 12, *tiny.SHAPE)
    np.testing.assert_array_equal(predictor.modes[0], predictor.modes[1])
    expected = np.asarray(tiny.PRIOR.bank, np.float32) / 127.5 - 1
    np.testing.assert_allclose(predictor.modes[0].reshape(3, 4, *tiny.SHAPE), expected, atol=1e-6)
    assert prior.data_std == 0.1 and prior.names[:5] == (*["first"] * 4, "second")
