"""The sample command, and what DDIM draws from the embedded prior."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.diffusion.ddim import ddim_sample
from sdjax.reports.evaluation import load_views
from sdjax.runs.particle import particle_noise
from sdjax.runs.sampling import Sampling, sample_seeds
from sdjax.sample import sample
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")
SMALL = {
    "seeds": 9,
    "resolution": 16,
    "steps": 20,
    "guidance_scale": 1.0,
    "run.devices": 1,
}


def draw(workdir, **overrides):
    return sample("sample", workdir, SMALL | overrides)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    draw(folder)
    return folder


@pytest.mark.slow
def test_every_sample_is_a_true_object(samples):
    metrics = json.loads((samples / "metrics.json").read_text())
    assert [row["seed"] for row in metrics["seeds"]] == list(range(9))
    assert metrics["psnr_min"] > 40
    assert metrics["modes_found"] == len({row["object"] for row in metrics["seeds"]}) >= 3
    assert metrics["wall_time"] > 0


def test_the_files(samples):
    names = {"config.json", "metrics.json", "sheet.png", "views.npz"}
    names |= {f"seed_{k}.png" for k in range(9)}
    assert {path.name for path in samples.iterdir()} == names
    views, truths = load_views(samples / "views.npz")
    assert views.shape == (9, 1, 16, 16, 3) and truths.shape == (8, 1, 16, 16, 3)
    np.testing.assert_array_equal(np.asarray(Image.open(samples / "seed_4.png")), views[4, 0])
    width, height = Image.open(samples / "sheet.png").size
    assert 8 * 22 < width < 8 * 22 + 150 and 3 * 22 < height < 3 * 22 + 50


@pytest.mark.slow
def test_a_seed_is_the_same_alone_and_seen_from_many_sides(samples, tmp_path):
    views, _ = load_views(samples / "views.npz")
    around = draw(tmp_path, seeds=1, first_seed=6, **{"camera.azimuths": (120.0, 30.0)})
    assert around.views.shape == (1, 2, 16, 16, 3)
    np.testing.assert_allclose(around.views[0, 1], views[6, 0] / 255, atol=0.51 / 255)
    assert Image.open(tmp_path / "seed_6.png").size == (32, 16)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_a_sample_is_ddim_from_the_noise_of_its_seed(scale):
    cameras, seed = tiny.cameras(1, 2), jnp.int32(5)
    arguments = (tiny.PRIOR, tiny.CONDITIONING, cameras, seed[None], tiny.SIZE)
    sampled = sample_seeds(*arguments, Sampling(scale, steps=10, spacing="leading"))
    predictor = tiny.network(tiny.PRIOR.predictor(tiny.CONDITIONING, cameras))
    noise = jnp.stack([particle_noise(seed, tiny.SHAPE)] * 2)
    expected = jax.jit(
        lambda x: ddim_sample(
            lambda x, t: predictor(x, t, scale), tiny.PRIOR.schedule, x, 10, spacing="leading"
        )
    )(noise)
    np.testing.assert_allclose(sampled[0], tiny.PRIOR.decode(expected), atol=1e-5)


@pytest.mark.slow
def test_with_eta_the_steps_draw_noise_of_the_seed():
    seeds = jnp.arange(6, dtype=jnp.int32)
    arguments = (tiny.PRIOR, tiny.CONDITIONING, tiny.cameras(0))
    still, noisy = (
        sample_seeds(*arguments, seeds, tiny.SIZE, Sampling(1.0, steps=10, eta=eta))
        for eta in (0.0, 1.0)
    )
    alone = sample_seeds(*arguments, seeds[4:5], tiny.SIZE, Sampling(1.0, steps=10, eta=1.0))
    np.testing.assert_allclose(alone[0], noisy[4], atol=1e-5)
    modes = tiny.PRIOR.bank[:2, 0].astype(jnp.float32) / 255
    nearest = [
        np.abs(np.asarray(images) - np.asarray(modes)[None]).mean((2, 3, 4)).argmin(1)
        for images in (still, noisy)
    ]
    assert (nearest[0] != nearest[1]).any()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"prompt": "a chiar"}, 'unknown prompt "a chiar"'),
        ({"steps": 0}, "config.steps is 0, expected a whole number from 1 to 1000."),
        ({"seeds": -1}, "config.seeds is -1, expected a whole number of at least 1."),
        ({"resolution": 0}, "config.resolution is 0, expected a whole number of at least 1."),
        (
            {"spacing": "trailling"},
            "expected one of leading, trailing, linspace or None; did you mean 'trailing'?",
        ),
        ({"eta": 1.5}, "config.eta is 1.5, expected a number from 0 to 1."),
        ({"camera.azimuth": 3.0}, "the nearest is config.camera.azimuths."),
        ({"run.process": 1}, "config.run.process is 1, expected None where config.run.coordinator"),
        ({"run.devices": 99}, "99 devices were asked for, but there are"),
        ({"seeds": 3}, "holds a run with another configuration (config.seeds is 9 there and 3"),
    ],
)
def test_bad_input_is_one_sentence_and_loses_nothing(samples, overrides, sentence):
    before = {path: path.read_bytes() for path in samples.iterdir()}
    with pytest.raises(UserError) as caught:
        draw(samples, **overrides)
    assert sentence in str(caught.value)
    assert {path: path.read_bytes() for path in samples.iterdir()} == before


def test_a_configuration_of_another_command(tmp_path):
    with pytest.raises(UserError, match=r"is one of sdjax\.train, expected one of sdjax\.sample"):
        sample("demo", tmp_path)
