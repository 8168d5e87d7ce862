"""Sheets of what a checkpoint draws: as its users will draw it, in the right places."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import DIRECTIONS, OCTANTS, octant, view_direction
from sdjax.prior_training import samples
from sdjax.prior_training.model import write_model
from sdjax.prior_training.networks import networks
from sdjax.prior_training.samples import reconstructions, sample_sheet
from sdjax.priors import stable_diffusion
from sdjax.priors.stable_diffusion import Precision
from sdjax.runs.sampling import Sampling, sample_seeds
from sdjax.text.views import Prompting, Thresholds
from tests.prior_training import small

pytestmark = pytest.mark.usefixtures("quick_compilation")
PROMPTS = ("a red mug", "a mug")
COLUMNS = ["front", "side", "back", "overhead"]
SAMPLING = Sampling(3.0, steps=2)


@pytest.fixture
def drawn(monkeypatch):
    """What is asked of `draw`, which draws white in its place."""
    asked = []

    def draw(prior, conditionings, cameras, seeds, sampling):
        asked.append((prior, conditionings, cameras, seeds, sampling))
        prompts = len(conditionings.plain)
        return np.ones((prompts, len(seeds), len(cameras.azimuth), 8, 8, 3), np.float32)

    monkeypatch.setattr(samples, "draw", draw)
    return asked


@pytest.mark.slow
@pytest.mark.parametrize("overhead", [10.0, 45.0, 60.0, 75.0])
def test_every_column_is_drawn_with_its_word(model, drawn, overhead):
    sample_sheet(model, PROMPTS, 1, overhead, SAMPLING)
    prior, _, cameras, _, _ = drawn[0]
    assert prior.prompting.thresholds.overhead == overhead
    named = view_direction(cameras, **prior.prompting.thresholds._asdict())
    assert [DIRECTIONS[i] for i in named] == COLUMNS


@pytest.mark.slow
def test_every_column_of_eight_directions_is_drawn_with_its_words(model, drawn):
    sheet = sample_sheet(model, PROMPTS, 1, 45.0, SAMPLING, directions=8)
    prior, conditionings, cameras, _, _ = drawn[0]
    assert prior.prompting == Prompting(thresholds=Thresholds(overhead=45.0), directions=8)
    assert octant(cameras, overhead=45.0).tolist() == [*range(len(OCTANTS) + 1)]
    assert conditionings.directions.shape[:2] == (2, 9) and sheet.shape[1] > 9 * (8 + 6)


def test_pictures_have_the_size_that_the_unet_was_trained_on(model, drawn):
    """Published autoencoders name a larger one (that of SD 2 base says 768)."""
    large = {**model.tables.autoencoder, "sample_size": 4 * small.SIZE}
    tables = model.tables._replace(autoencoder=large)
    sample_sheet(model._replace(tables=tables, networks=networks(tables)), ["a"], 1, 45.0, SAMPLING)
    assert drawn[0][0].image_size == small.SIZE


def test_a_row_per_prompt_and_all_views_of_every_seed(model, drawn):
    sheet = sample_sheet(model, PROMPTS, 3, 45.0, SAMPLING)
    assert sheet.dtype == np.uint8
    width, height = 3 * 4 * (8 + 6), 2 * (8 + 6)
    assert width < sheet.shape[1] < width + 200 and height < sheet.shape[0] < height + 200
    _, conditionings, _, seeds, sampling = drawn[0]
    assert conditionings.plain.shape == (2, small.LENGTH, 8)
    np.testing.assert_array_equal(seeds, [0, 1, 2])
    assert sampling == SAMPLING


@pytest.mark.long
def test_the_embeddings_are_of_the_prompts_with_their_words(model, drawn):
    sample_sheet(model, PROMPTS, 1, 45.0, SAMPLING)
    conditionings = drawn[0][1]
    front = model.tokenize(["a red mug, front view"])
    params = {"params": model.params["text_encoder"]}
    expected = model.networks.text.apply(params, jnp.asarray(front)).last_hidden_state[0]
    np.testing.assert_allclose(conditionings.directions[0, 1], expected, atol=1e-5)


@pytest.mark.long
def test_a_sheet_shows_what_users_of_the_checkpoint_draw(model, tokenizer, tmp_path, monkeypatch):
    seen, cameras, draw = [], [], samples.draw

    def watched(*arguments):
        cameras.append(arguments[2])
        seen.append(draw(*arguments))
        return seen[0]

    monkeypatch.setattr(samples, "draw", watched)
    sample_sheet(model, PROMPTS[:1], 2, 45.0, SAMPLING)
    write_model(model, tmp_path / "model", tokenizer, "float32")
    prior = stable_diffusion.load(
        tmp_path / "model",
        precision=Precision(jnp.float32, jnp.float32),
        prompting=Prompting(thresholds=Thresholds(overhead=45.0)),
        cache_dir=tmp_path / "cache",
    )
    condition = prior.condition(PROMPTS[0])
    images = sample_seeds(prior, condition, cameras[0], jnp.arange(2), small.SIZE, SAMPLING)
    np.testing.assert_allclose(seen[0][0], images, atol=1e-4)
    assert np.abs(images[0] - images[1]).max() > 0.01


@pytest.mark.long
def test_reconstructions_are_measured_in_decibels(model):
    pictures = np.asarray(small.pictures(14))
    sheet, psnr = reconstructions(model, pictures)
    params = {"params": model.params["vae"]}
    decode = jax.jit(lambda x: model.networks.autoencoder.apply(params, x))
    decoded = np.clip(0.5 * decode(pictures / np.float32(127.5) - 1) + 0.5, 0, 1)
    error = ((decoded - pictures / 255.0) ** 2).reshape(14, -1).mean(1)
    np.testing.assert_allclose(psnr, 10 * np.log10(1 / error), atol=1e-2)
    width = 12 * (small.SIZE + 6)
    assert sheet.dtype == np.uint8 and width < sheet.shape[1] < width + 150
    assert 2 * small.SIZE < sheet.shape[0] < 2 * small.SIZE + 80
