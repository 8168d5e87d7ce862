"""What MVDream learns from: one timestep a scene, views together or alone; the loop is faked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from sdjax.diffusion.prediction import add_noise, velocity
from sdjax.prior_training import multiview_stage, sources
from sdjax.prior_training.diffusion_stage import Denoiser
from sdjax.prior_training.multiview_model import with_camera
from sdjax.prior_training.multiview_sources import Bank
from sdjax.prior_training.multiview_stage import multiview_loss, train_views
from sdjax.prior_training.place import Place
from tests.prior_training import small

pytestmark = pytest.mark.usefixtures("quick_compilation")
SCENES, SIDE = 3, 2
KEY = jax.random.key(1)


class Watched:
    """In place of a UNet: answers with its rows times a parameter, and keeps what it saw."""

    def __init__(self):
        self.calls, self.frames = [], None

    def clone(self, frames):
        """The same, which sees so many views together."""
        self.frames = frames
        return self

    def apply(self, params, rows, t, text, camera=None):
        """Keeps the call."""
        self.calls.append((self.frames, rows, t, text, camera))
        return params["params"] * rows


@pytest.fixture
def unet():
    return Watched()


@pytest.fixture(scope="module")
def base(model):
    return with_camera(model, KEY)


def loss(unet, base, single, prediction="v_prediction", min_snr=None, key=KEY):
    denoiser = Denoiser(unet, None, base.scheduler.schedule, prediction, 1.0, min_snr)
    value, terms = multiview_loss(denoiser, single, {"unet": jnp.float32(0.5)}, *batch(), key)
    return float(value), terms


def batch():
    keys = jax.random.split(KEY, 3)
    latents = jax.random.normal(keys[0], (SCENES, 4, SIDE, SIDE, 3))
    cameras = jax.random.normal(keys[1], (SCENES, 4, 16))
    return latents, cameras, jax.random.normal(keys[2], (SCENES, 5, 8))


@pytest.mark.slow
def test_a_scene_has_one_timestep_and_noises_of_its_own(unet, base):
    loss(unet, base, 0.0)
    ((frames, rows, t, text, camera),) = unet.calls
    latents, cameras, texts = batch()
    assert frames == 4 and rows.shape == (12, SIDE, SIDE, 3)
    np.testing.assert_array_equal(t.reshape(SCENES, 4), np.repeat(t[::4, None], 4, axis=1))
    assert len(set(np.asarray(t).tolist())) == SCENES
    np.testing.assert_array_equal(camera, cameras.reshape(12, 16))
    np.testing.assert_array_equal(text, np.repeat(texts, 4, axis=0))
    noise = noises(base, rows, t, latents)
    assert noise.std() == pytest.approx(1.0, abs=0.2)
    assert all(np.abs(noise[0] - noise[k]).max() > 0.3 for k in range(1, 12))


def noises(base, rows, t, latents):
    """What was added to the latents."""
    alone = latents.reshape(rows.shape)
    signal = add_noise(base.scheduler.schedule, alone, jnp.zeros_like(alone), t)
    unit = add_noise(base.scheduler.schedule, jnp.zeros_like(alone), jnp.ones_like(alone), t)
    return np.asarray((rows - signal) / unit)


@pytest.mark.parametrize("single", [0.0, 1.0])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_loss_is_the_mean_square_of_what_is_predicted_wrongly(unet, base, single, prediction):
    value, _ = loss(unet, base, single, prediction)
    (_, rows, t, _, _), latents = unet.calls[0], batch()[0]
    noise = jnp.asarray(noises(base, rows, t, latents))
    target = noise
    if prediction == "v_prediction":
        target = velocity(base.scheduler.schedule, latents.reshape(rows.shape), noise, t)
    assert value == pytest.approx(float(jnp.mean((0.5 * rows - target) ** 2)), rel=1e-4)


def test_single_views_have_timesteps_of_their_own_and_no_camera(unet, base):
    loss(unet, base, 1.0)
    ((frames, rows, t, text, camera),) = unet.calls
    assert frames == 1 and camera is None and rows.shape[0] == 12
    assert len(set(np.asarray(t).tolist())) == 12
    np.testing.assert_array_equal(text, np.repeat(batch()[2], 4, axis=0))


@pytest.mark.slow
def test_a_part_of_the_steps_is_of_single_views(unet, base):
    """As often as said, by the key alone."""
    keys = jax.random.split(jax.random.key(7), 60)
    denoiser = Denoiser(unet, None, base.scheduler.schedule, "epsilon")
    params = {"unet": jnp.float32(0.5)}

    def values(single):
        one = lambda key: multiview_loss(denoiser, single, params, *batch(), key)[0]  # noqa: E731
        return np.asarray(jax.jit(jax.vmap(one))(keys))

    together, alone, mixed = values(0.0), values(1.0), values(0.3)
    is_alone = np.isclose(mixed, alone, rtol=1e-5)
    np.testing.assert_allclose(mixed, np.where(is_alone, alone, together), rtol=1e-5)
    assert is_alone.mean() == pytest.approx(0.3, abs=0.18)


def test_min_snr_weighs_scenes(unet, base):
    plain, _ = loss(unet, base, 0.0)
    weighed, terms = loss(unet, base, 0.0, min_snr=5.0)
    assert float(terms["error"]) == pytest.approx(plain, rel=1e-5) and weighed < plain


@pytest.mark.slow
@pytest.mark.long
def test_the_first_gradient_of_a_new_embedding_is_that_of_its_last_layer(base):
    """Zeros behind it let nothing through to the first; and single views do not reach it."""
    text = jax.random.normal(KEY, (SCENES, 5, 8))
    latents = jax.random.normal(KEY, (SCENES, 4, 4, 4, 3))
    denoiser = Denoiser(base.networks.unet, None, base.scheduler.schedule, "v_prediction")

    @jax.jit
    def gradients(params):
        def value(single, params):
            given = latents, batch()[1], text, KEY
            return multiview_loss(denoiser, single, {"unet": params}, *given)[0]

        return [jax.grad(lambda p, s=single: value(s, p))(params) for single in (0.0, 1.0)]

    together, alone = (one["camera_embedding"] for one in gradients(base.params["unet"]))
    assert np.abs(together["linear_2"]["kernel"]).max() > 1e-5
    assert np.abs(together["linear_1"]["kernel"]).max() == 0.0
    assert all(np.abs(leaf).max() == 0.0 for leaf in jax.tree.leaves(alone))


CAPTIONS = ("a red mug", "a mug", "red")


def config(**changes):
    stage = {
        "steps": 2, "batch": 8, "learning_rate": 0.1, "warmup": 0, "weight_decay": 0.0,
        "average": 0.9, "clip": 1.0, "trains_text": False, "timestep_power": 1.0,
        "min_snr": None, "single": 0.3,
    }  # fmt: skip
    run = {"chunk": 1, "checkpoint_every": 1}
    return ConfigDict({"seed": 0, "diffusion": stage | changes, "run": run})


@pytest.fixture(scope="module")
def source():
    pictures = np.asarray(small.pictures(12)).reshape(3, 4, small.SIZE, small.SIZE, 3)
    cameras = np.float32(np.random.default_rng(0).normal(size=(3, 4, 16)))
    return Bank(pictures, cameras, lambda generator, index: CAPTIONS[index])


@pytest.fixture
def fitted(monkeypatch):
    """What the loop was given; it returns the parameters to start from, doubled."""
    given = []

    def fit(name, loss, start, batches, plan, seed, place, show=None):
        given.append((start, batches, plan))
        return jax.tree.map(lambda leaf: 2 * leaf, start)

    monkeypatch.setattr(multiview_stage, "fitted", fit)
    monkeypatch.setattr(sources, "_AT_ONCE", 4)
    return given


@pytest.mark.slow
@pytest.mark.parametrize("trains_text", [False, True])
def test_what_the_loop_gets(base, source, fitted, tmp_path, trains_text):
    after = train_views(config(trains_text=trains_text), base, source, Place(tmp_path))
    ((start, batches, plan),) = fitted
    assert start.keys() == ({"unet", "text_encoder"} if trains_text else {"unet"})
    latents, cameras, text = batches(np.random.default_rng(0))
    chosen = np.random.default_rng(0).integers(3, size=plan.batch)
    assert latents.shape == (8, 4, 4, 4, 3)
    np.testing.assert_array_equal(cameras, source.cameras[chosen])
    ids = base.tokenize([CAPTIONS[index] for index in chosen])
    if trains_text:
        np.testing.assert_array_equal(text, ids)
    else:
        params = {"params": base.params["text_encoder"]}
        expected = base.networks.text.apply(params, jnp.asarray(ids)).last_hidden_state
        np.testing.assert_allclose(text, expected, atol=1e-5)
    np.testing.assert_array_equal(
        after.params["unet"]["conv_in"]["bias"], 2 * base.params["unet"]["conv_in"]["bias"]
    )
    assert (after.params["text_encoder"] is base.params["text_encoder"]) != trains_text


def test_no_steps_leave_the_model(base, source, fitted, tmp_path):
    assert train_views(config(steps=0), base, source, Place(tmp_path)) is base and not fitted
