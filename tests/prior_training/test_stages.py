"""What each stage hands to the loop, and what it makes of the result; the loop itself is faked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from sdjax.prior_training import sources, stages
from sdjax.prior_training.networks import networks
from sdjax.prior_training.place import Place
from sdjax.prior_training.sources import Bank
from sdjax.prior_training.stages import train_autoencoder, train_diffusion
from tests.prior_training import small

pytestmark = pytest.mark.usefixtures("quick_compilation")
CAPTIONS = ("a red mug", "a mug", "red")
PLAN = {
    "steps": 2,
    "batch": 8,
    "learning_rate": 0.1,
    "warmup": 0,
    "weight_decay": 0.0,
    "average": 0.9,
    "clip": 1.0,
}


def config(name="new", steps=2):
    return ConfigDict(
        {
            "seed": 0,
            "data": {"name": "folder"},
            "model": {"name": name},
            "autoencoder": PLAN | {"kl": 0.01, "steps": steps},
            "diffusion": PLAN
            | {"trains_text": True, "timestep_power": 1.0, "min_snr": None, "steps": steps},
            "run": {"chunk": 1, "checkpoint_every": 1},
            "report": {"prompts": ("a mug",), "seeds": 1, "guidance_scale": 2.0, "steps": 1},
        }
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """With latents that are scaled for the diffusion model."""
    made = small.model(tmp_path_factory.mktemp("tokenizer"))
    table = {**made.tables.autoencoder, "scaling_factor": 0.5}
    tables = made.tables._replace(autoencoder=table)
    params = {**made.params, "vae": jax.tree.map(np.asarray, made.params["vae"])}
    return made._replace(tables=tables, networks=networks(tables), params=params)


@pytest.fixture
def fitted(monkeypatch):
    """What the loop was given; it returns the parameters to start from, doubled where asked."""
    given = []

    def fit(name, loss, start, batches, plan, seed, folder, show=None):
        given.append({"start": start, "batches": batches, "plan": plan, "seed": seed})
        return start if name == "autoencoder" else jax.tree.map(lambda leaf: 2 * leaf, start)

    monkeypatch.setattr(stages, "fitted", fit)
    monkeypatch.setattr(stages, "_MEASURED", 16)
    monkeypatch.setattr(sources, "_AT_ONCE", 4)
    return given


@pytest.fixture(scope="module")
def source():
    pictures = np.asarray(small.pictures(3))
    return Bank(pictures, lambda generator, index: CAPTIONS[index])


def latents(model, pictures):
    autoencoder, params = model.networks.autoencoder, {"params": model.params["vae"]}
    signed = jnp.float32(pictures) / 127.5 - 1
    return np.asarray(jax.jit(lambda x: autoencoder.apply(params, x, method="encode").mean)(signed))


@pytest.mark.slow
@pytest.mark.parametrize("train", [train_autoencoder, train_diffusion])
def test_no_steps_leave_the_model(model, source, fitted, tmp_path, train):
    assert train(config(steps=0), model, source, Place(tmp_path)) is model
    assert not fitted


@pytest.mark.slow
def test_diffusion_gets_scaled_latents_with_their_captions(model, source, fitted, tmp_path):
    train_diffusion(config(), model, source, Place(tmp_path))
    values, ids = fitted[0]["batches"](np.random.default_rng(0))
    chosen = np.random.default_rng(0).integers(3, size=8)
    np.testing.assert_allclose(values, 0.5 * latents(model, source.values)[chosen], atol=1e-4)
    np.testing.assert_array_equal(ids, model.tokenize([CAPTIONS[i] for i in chosen]))


def test_diffusion_trains_unet_and_text_and_nothing_else(model, source, fitted, tmp_path):
    after = train_diffusion(config(), model, source, Place(tmp_path)).params
    assert fitted[0]["start"].keys() == {"unet", "text_encoder"}
    for name, factor in (("unet", 2), ("text_encoder", 2), ("vae", 1)):
        jax.tree.map(
            lambda new, old: np.testing.assert_array_equal(new, factor * np.asarray(old)),  # noqa: B023
            after[name],
            model.params[name],
        )


def test_the_autoencoder_gets_pictures(model, source, fitted, tmp_path):
    train_autoencoder(config(), model, source, Place(tmp_path))
    (values,) = fitted[0]["batches"](np.random.default_rng(0))
    expected = source.values[np.random.default_rng(0).integers(3, size=8)]
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize(("name", "standard"), [("new", True), ("checkpoint", False)])
def test_only_a_new_autoencoder_is_standardised(model, source, fitted, tmp_path, name, standard):
    """A checkpoint's UNet knows its latents as they are."""
    after = train_autoencoder(config(name), model, source, Place(tmp_path))
    few = source.batch(np.random.default_rng((0, stages.AUTOENCODER)), 16).values
    std = latents(after, few).std((0, 1, 2))
    assert np.allclose(std, 1.0, atol=1e-3) is standard
    jax.tree.map(np.testing.assert_array_equal, after.params["unet"], model.params["unet"])


@pytest.mark.slow
def test_the_stages_draw_from_their_own_seeds(model, source, fitted, tmp_path):
    for train in (train_autoencoder, train_diffusion):
        train(config(), model, source, Place(tmp_path))
    assert fitted[0]["seed"] != fitted[1]["seed"]
    assert all(given["plan"].batch == 8 for given in fitted)
