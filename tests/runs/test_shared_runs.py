"""Runs whose particles share something: resumed bit for bit, on any number of devices."""

from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import optax
import pytest

from sdjax.config.errors import UserError
from sdjax.diffusion.annealing import uniform
from sdjax.rules.vsd.adapter import Adapter
from sdjax.rules.vsd.learned import vsd
from sdjax.runs import loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.combinations import check_config
from sdjax.runs.population import Population
from sdjax.runs.run import open_run
from sdjax.runs.schema import load_config

pytestmark = pytest.mark.usefixtures("quick_compilation")

COMMON = {"guidance_scale": 7.5, "weighting": "one_minus_alpha_cumprod"}
EXACT = {**COMMON, "name": "exact_vsd", "particle_guidance_scale": 1.0, "data_std": 0.0}
LORA = {
    **COMMON,
    "name": "vsd",
    "particle_guidance_scale": 0.5,
    "camera_features": "matrix",
    "camera_dropout": 0.1,
    "lora_rank": 2,
    "lora_learning_rate": 1e-2,
}
SMALL = {
    "seeds": 3,
    "stages": {"steps": (2, 2), "resolution": (8, 16), "grid": (2, 2)},
    "scene": {"name": "image", "spread": 0.0, "start": "spread"},
    "annealing": {"name": "uniform"},
    "optimizer": {"name": "adam", "learning_rate": 0.02},
    "run": {"chunk": 2, "devices": 1, "checkpoint_every": 2},
}


def pictures(rule=EXACT, **overrides):
    """The config of SDS in 2D, with another rule, and small."""
    table = load_config("embedded_2d:sds").to_dict() | {"rule": rule}
    return load_config(load_config(table, SMALL), overrides)


def predict(params, predictor, x_t, t, cameras):
    """A trained network that is quickly compiled."""
    return [predictor(x_t, t, 1.0) + params["bias"] + 0.0 * camera.sum() for camera in cameras]


def make_toy_vsd(config, prior, resolution):
    return vsd(
        prior.schedule,
        guidance_scale=2.0,
        annealing=uniform(),
        adapter=Adapter(lambda key: {"bias": jax.random.normal(key, (1, 1, 1, 3))}, predict),
        optimizer=optax.adam(0.01),
    )


class InterruptionError(Exception):
    """In place of a kill."""


def train(config, folder, stop_at=None):
    """The run's particles, and its chunks; it goes on from what is in the folder."""
    seen = []

    def on_chunk(chunk):
        seen.append(chunk)
        if chunk.step == stop_at:
            raise InterruptionError

    check_config(config)
    run = open_run(config)
    with Checkpoints(folder) as checkpoints:
        step, particles = loop.restore(run, checkpoints)
        return loop.train(run, checkpoints, step, particles, on_chunk), seen


def stored(config, folder):
    with Checkpoints(folder) as checkpoints:
        return loop.restore(open_run(config), checkpoints)


def assert_same(actual, expected):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


class Finished(NamedTuple):
    """A run without interruption."""

    learns: bool
    folder: Path
    particles: Population
    chunks: list


@pytest.fixture(scope="module", params=[True, False], ids=["learned", "exact"])
def whole(request, tmp_path_factory):
    """With the quick network in place of the run's own rule, or with the exact score."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        if request.param:
            patch.setattr("sdjax.runs.build.make_rule", make_toy_vsd)
        yield Finished(request.param, folder, *train(pictures(), folder))


@pytest.mark.slow
def test_an_interrupted_run_is_identical(whole, tmp_path):
    """Between its stages; with what is learned and the state of its optimiser."""
    with pytest.raises(InterruptionError):
        train(pictures(), tmp_path, stop_at=2)
    resumed, rest = train(pictures(), tmp_path)
    assert [chunk.step for chunk in rest] == [4]
    assert_same(resumed, whole.particles)
    assert_same(rest[-1].losses, whole.chunks[-1].losses)
    for folder in (tmp_path, whole.folder):
        assert_same(stored(pictures(), folder), (4, whole.particles))
    assert resumed.params["image"].shape == (3, 16, 16, 3)


@pytest.mark.slow
def test_what_is_shared_goes_on_from_stage_to_stage(whole):
    """One step of its optimiser for every step of the run."""
    losses, shared = whole.chunks[-1].losses, whole.particles.shared
    if not whole.learns:
        assert shared == () and set(losses) == {"guidance"}
        return
    assert shared.optimizer_state[0].count == 4 and shared.params["bias"].shape == (1, 1, 1, 3)
    assert set(losses) == {"guidance", "adapter"} and losses["adapter"].shape == (3,)


@pytest.mark.slow
def test_devices_share_it(whole, tmp_path):
    """Three particles on two devices: one has a copy, which counts for nothing."""
    spread, _ = train(pictures(**{"run.devices": 2, "run.mapping": "vmap"}), tmp_path)
    compare = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3)  # noqa: E731
    ours, theirs = ((run.params, run.shared) for run in (spread, whole.particles))
    jax.tree.map(compare, ours, theirs)


def test_a_lora_needs_a_network():
    config = pictures(LORA)
    with pytest.raises(UserError, match=r"for 'vsd' it is 'exact_vsd'\) where config.prior"):
        check_config(config)
