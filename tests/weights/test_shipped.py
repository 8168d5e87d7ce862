"""The checkpoint that comes with the package: whole, small, and it knows its colours."""

import jax
import numpy as np
import pytest
from safetensors import safe_open

from sdjax.config.errors import UserError
from sdjax.objects.prompts import all_objects
from sdjax.prior_training.judging import draw_captions
from sdjax.prior_training.sources import Renderings, rendered
from sdjax.priors.stable_diffusion import Precision, load
from sdjax.runs.sampling import Sampling
from sdjax.weights import shipped
from sdjax.weights.hub import local_folder
from sdjax.weights.shipped import NAME, SHIPPED, shipped_folder

COLOURS = {"red": (0.86, 0.12, 0.10), "green": (0.16, 0.60, 0.22), "blue": (0.12, 0.30, 0.82)}


@pytest.fixture(scope="module")
def prior(tmp_path_factory):
    precision = Precision(unet="float32", autoencoder="float32")
    return load(NAME, precision=precision, cache_dir=tmp_path_factory.mktemp("prompts"))


def test_its_name_stands_for_its_folder():
    assert local_folder(NAME) == shipped_folder()


def test_each_has_a_folder_and_one_that_is_lacking_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    for name in SHIPPED:
        with pytest.raises(UserError, match=f"lacks the checkpoint '{name}'") as caught:
            local_folder(name)
        assert "\n" not in str(caught.value)
        tmp_path.joinpath(name).mkdir()
        assert shipped_folder(name) == tmp_path / name


def test_all_are_small_described_and_in_half_precision():
    folders = list(shipped_folder().parent.iterdir())
    assert {folder.name for folder in folders} <= set(SHIPPED)
    assert all((folder / "README.md").exists() for folder in folders)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 24e6
    for path in files:
        if path.suffix == ".safetensors":
            with safe_open(path, "numpy") as weights:
                names = list(weights.keys())
                assert {weights.get_slice(name).get_dtype() for name in names} == {"F16"}


@pytest.mark.slow
def test_it_draws_the_colour_that_is_asked_for(prior):
    captions = [f"a {colour} {noun}" for colour in COLOURS for noun in ("mug", "car", "teapot")]
    pictures = draw_captions(prior, captions, range(9), Sampling(3.0, 8))
    assert pictures.shape == (9, 64, 64, 3)
    for caption, picture in zip(captions, pictures, strict=True):
        covered = picture[picture.min(-1) < 0.75]
        assert len(covered) > 100, caption
        near = {
            name: np.linalg.norm(covered.mean(0) - np.array(albedo) * 0.8)
            for name, albedo in COLOURS.items()
        }
        assert min(near, key=near.get) == caption.split()[1], caption


@pytest.mark.slow
def test_its_latents_have_mean_0_and_variance_1(prior):
    pictures = rendered(Renderings(all_objects(), 64), 64, (5,)).values
    latents = np.asarray(jax.jit(type(prior).encode)(prior, pictures / np.float32(255.0)))
    np.testing.assert_allclose(latents.mean((0, 1, 2)), 0.0, atol=0.15)
    np.testing.assert_allclose(latents.std((0, 1, 2)), 1.0, atol=0.15)
