"""A camera embedding on Stable Diffusion: as the starting model before it learns, and its files."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.prior_training.model import read_model, write_model
from sdjax.prior_training.multiview_model import (
    model_folder,
    read_views_model,
    with_camera,
    write_views_model,
)
from sdjax.priors import mvdream
from sdjax.priors.roles import MVDREAM
from tests.multiview_folders import mvdream_folder
from tests.networks.components import random_params
from tests.prior_training import small

pytestmark = pytest.mark.usefixtures("quick_compilation")
KEY = jax.random.key(3)
SIDE = small.SIZE // 2


@pytest.fixture(scope="module")
def new(model):
    return with_camera(model, KEY)


def learned(model):
    """With a camera embedding that says something."""
    unet = model.params["unet"]
    embedding = random_params(model.networks.unet, 7)["camera_embedding"]
    return model._replace(params={**model.params, "unet": {**unet, "camera_embedding": embedding}})


def predicted(model, frames, **options):
    keys = jax.random.split(KEY, 3)
    latents = jax.random.normal(keys[0], (8, SIDE, SIDE, 3))
    text = jax.random.normal(keys[1], (8, 5, 8))
    unet = model.networks.unet.clone(frames=frames)
    t = jnp.arange(8) * 100
    params = {"params": model.params["unet"]}
    return np.asarray(jax.jit(unet.apply)(params, latents, t, text, **options))


def cameras():
    return {"camera": jax.random.normal(jax.random.key(4), (8, 16))}


@pytest.mark.slow
@pytest.mark.parametrize("frames", [1, 4])
def test_a_new_embedding_changes_nothing(model, new, frames):
    """Whatever the camera; one that has learned does."""
    expected = predicted(model, frames)
    np.testing.assert_allclose(predicted(new, frames, **cameras()), expected, atol=1e-6)
    assert np.abs(predicted(learned(new), frames, **cameras()) - expected).max() > 0.01


def test_the_rest_is_the_starting_model(model, new):
    assert new.params["unet"].keys() == {*model.params["unet"], "camera_embedding"}
    for name in ("vae", "text_encoder"):
        assert new.params[name] is model.params[name]
    first = new.params["unet"]["camera_embedding"]["linear_1"]["kernel"]
    assert first.shape == (16, 32) and float(jnp.std(first)) == pytest.approx(0.25, rel=0.2)


@pytest.fixture(scope="module")
def written(new, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written") / "model"
    write_views_model(learned(new), folder, tokenizer, "float32")
    return folder


@pytest.mark.slow
def test_what_is_written_is_the_priors(new, written, tmp_path):
    """The folder that `mvdream.load` reads, with every part."""
    assert {path.name for path in written.iterdir()} == {
        "model_index.json", "scheduler", "text_encoder", "tokenizer", "unet", "vae",
    }  # fmt: skip
    prior = mvdream.load(written, cache_dir=tmp_path, precision=mvdream.Precision("float32"))
    assert prior.views_together == 4 and prior.prediction_type == "v_prediction"
    jax.tree.map(
        np.testing.assert_array_equal, dict(prior.unet_params), learned(new).params["unet"]
    )


def test_the_camera_is_diffusers_class_embedding(written):
    """Only what its `UNet2DConditionModel` has a name for."""
    from safetensors import safe_open

    fields = json.loads((written / "unet" / "config.json").read_text())
    assert fields["class_embed_type"] == "projection" and "camera_features" not in fields
    assert fields["projection_class_embeddings_input_dim"] == 16
    with safe_open(written / "unet" / "diffusion_pytorch_model.safetensors", "numpy") as file:
        names = [name for name in file.keys() if "embedding" in name]  # noqa: SIM118 (no dict)
    embeddings = ("class_embedding", "time_embedding")
    assert sorted(names) == sorted(
        f"{embedding}.linear_{layer}.{leaf}"
        for embedding in embeddings
        for layer in (1, 2)
        for leaf in ("bias", "weight")
    )


@pytest.mark.slow
def test_a_model_that_knows_cameras_goes_on_as_it_is(new, written):
    again = read_views_model(written, None, jax.random.key(9))
    assert again.tables == new.tables
    jax.tree.map(np.testing.assert_array_equal, again.params, learned(new).params)


@pytest.mark.slow
def test_stable_diffusion_gets_an_embedding(model, new, tokenizer, tmp_path):
    write_model(model, tmp_path / "model", tokenizer, "float32")
    read = read_views_model(tmp_path / "model", None, KEY)
    assert read.tables == new.tables
    jax.tree.map(np.testing.assert_array_equal, read.params, new.params)
    assert model_folder(tmp_path / "model") == tmp_path / "model"


@pytest.mark.slow
def test_a_folder_of_the_port_goes_on_in_diffusers_layout(tmp_path):
    port = mvdream_folder(tmp_path / "port")
    read = read_views_model(port, None, KEY)
    write_views_model(read, tmp_path / "model", port / "tokenizer", "float32")
    again = read_model(tmp_path / "model", role=MVDREAM)
    assert again.tables.unet["_class_name"] == "UNet2DConditionModel"
    jax.tree.map(np.testing.assert_array_equal, again.params["unet"], read.params["unet"])


def test_other_folders_are_one_sentence(written, tmp_path):
    with pytest.raises(UserError, match=r"config\.prior\.name=mvdream"):
        read_model(written)
    with pytest.raises(UserError, match="nowhere"):
        read_views_model(tmp_path / "nowhere", None, KEY)
