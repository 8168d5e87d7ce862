"""Training for the time that is left stops in time, saves, and goes on from there."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sdjax.benchmarks import section, training
from sdjax.benchmarks.schema import check_config
from sdjax.benchmarks.section import Deadline, Doing, Left, Note
from sdjax.benchmarks.shards import in_shards
from sdjax.config.errors import UserError
from sdjax.prior_training import sources, stages
from sdjax.prior_training.build import make_plan
from sdjax.prior_training.kind import Training
from sdjax.prior_training.kinds import KINDS
from sdjax.prior_training.model import read_model
from sdjax.prior_training.place import fitted
from sdjax.train_prior import load_config, train_prior
from sdjax.weights.safetensors_files import safetensors_tensors
from tests.benchmarks.small import small_config
from tests.test_train_prior import TINY

FOREVER = float("inf")


class Toy(NamedTuple):
    """In place of a model."""

    params: dict[str, Any]


def squares(params, x, key):
    return jnp.mean((params["unet"][None] - x[:, None]) ** 2), {}


class Clock:
    """Of deadlines: a step takes a second, all else nothing."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def write_toy(model, folder, dtype):
    folder.mkdir(parents=True)
    save_file({"unet": np.asarray(model.params["unet"], dtype)}, folder / "unet.safetensors")


@pytest.fixture
def toys(monkeypatch):
    clock = Clock()

    def train_toy(config, model, place):
        """The loop itself."""

        def batches(generator):
            clock.now += 1.0
            return (generator.normal(size=8).astype(np.float32),)

        plan = make_plan(config, config.diffusion)
        params = fitted("diffusion", squares, model.params, batches, plan, (0, 1), place)
        return model._replace(params=params)

    def begin(config, folder, tell):
        stages = {
            "autoencoder": lambda model, place: model,
            "diffusion": partial(train_toy, config),
        }
        toy = Toy({"unet": jnp.full(3, 4.0)})
        return Training(toy, False, stages, write_toy, judge=lambda *_: {})

    monkeypatch.setattr(section, "time", clock)
    toy = KINDS["stable_diffusion"]._replace(begin=begin)
    monkeypatch.setitem(KINDS, "stable_diffusion", toy)


def trained(folder, seconds, overrides=(), configs=("train_prior",), shares=None, reserve=0.0):
    overrides = ["run.chunk=2", "diffusion.batch=8", *overrides]
    deadline = Deadline.after(seconds)
    events = training.measure_training(configs, shares, overrides, 15.0, reserve, folder, deadline)
    return [event for event in events if not isinstance(event, Doing)]


def test_it_stops_in_time_and_goes_on_from_there(tmp_path, toys):
    (first,) = trained(tmp_path, 60.0, reserve=10.0)
    assert (first["from step"], first["to step"], first["of"]) == (0, 50, 5000)
    weights = load_file(tmp_path / "trained/train_prior/weights/unet.safetensors")["unet"]
    assert weights.dtype == np.float16 and (weights != 4.0).all()
    (second,) = trained(tmp_path, 60.0, reserve=10.0)
    assert (second["from step"], second["to step"]) == (50, 100)
    assert first["pictures/s"] > 0 and second["loss after"] < first["loss before"]


class KilledError(Exception):
    """In place of a kill."""


@pytest.mark.slow
def test_little_is_lost_where_it_is_killed(tmp_path, toys, monkeypatch):
    def killed(self, stage, chunk, seen=training.Trained._seen):
        seen(self, stage, chunk)
        if chunk.step == 50:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(training.Trained, "_seen", killed)
        (left,) = trained(tmp_path, FOREVER)
    assert left.why.startswith("KilledError")
    assert (tmp_path / "trained/train_prior/weights/unet.safetensors").exists()
    (row,) = trained(tmp_path, 10.0)
    assert 30 <= row["from step"] < 50


@pytest.mark.slow
def test_it_is_the_run_that_was_not_stopped(tmp_path, toys):
    """Steps of other chunks are the same steps."""
    few = ["diffusion.steps=40"]
    (whole,) = trained(tmp_path / "whole", FOREVER, few)
    assert whole["to step"] == 40
    for steps in (20, 40):
        (part,) = trained(tmp_path / "parts", 20.0, few)
        assert part["to step"] == steps
    read = lambda name: load_file(  # noqa: E731
        tmp_path / name / "trained/train_prior/weights/unet.safetensors"
    )["unet"]
    np.testing.assert_array_equal(read("parts"), read("whole"))


@pytest.mark.slow
def test_one_that_is_done_or_fails_leaves_the_others_their_time(tmp_path, toys):
    few = ["diffusion.steps=4"]
    trained(tmp_path, FOREVER, few)
    told, done, missing = trained(tmp_path, FOREVER, few, ("train_prior", "no_such"), (1.0, 3.0))
    assert told == Note("train_prior was done already.")
    assert (done["to step"], done["of"], "stage" in done) == (4, 4, False)
    assert missing.name == "no_such" and "There is no configuration file" in missing.why


def test_without_time_nothing_begins(tmp_path):
    assert trained(tmp_path, 10.0, reserve=15.0) == [Left("train_prior")]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shares": (1.0, 2.0)}, r"config\.training\.shares has 2 numbers, expected 1"),
        ({"configs": ("no_such",)}, "There is no configuration file"),
    ],
)
def test_what_cannot_be_is_a_sentence_before_anything_is_measured(changes, sentence):
    changes = {f"training.{name}": value for name, value in changes.items()}
    with pytest.raises(UserError, match=sentence):
        check_config(small_config(sections=("training",), **changes))


def test_time_that_is_over_while_pictures_are_rendered_is_want_of_time(tmp_path, toys, monkeypatch):
    def begin(config, folder, tell):
        def rendering(model, place):
            section.time.now += 100.0
            tell("rendering", 1, 20)

        return Training(Toy({}), False, {"diffusion": rendering}, write_toy, lambda *_: {})

    slow = KINDS["stable_diffusion"]._replace(begin=begin)
    monkeypatch.setitem(KINDS, "stable_diffusion", slow)
    assert trained(tmp_path, 60.0) == [Left("train_prior")]


def test_a_large_file_is_cut(tmp_path):
    folder, rng = tmp_path / "unet", np.random.default_rng(0)
    folder.mkdir()
    tensors = {f"t{i}": rng.normal(size=1000).astype(np.float16) for i in range(10)}
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
    files = in_shards(folder / "diffusion_pytorch_model.safetensors", 8_000)
    assert len(files) > 2 and all(file.stat().st_size <= 8_000 for file in files)
    assert not (folder / "diffusion_pytorch_model.safetensors").exists()
    from sdjax.weights.files import weight_files

    assert weight_files(folder) == sorted(files)
    found = dict(safetensors_tensors(weight_files(folder)))
    jax.tree.map(np.testing.assert_array_equal, found, tensors)
    (small,) = in_shards(files[0], 8_000)
    assert small == files[0]


@pytest.mark.long
def test_a_small_prior_is_left_as_train_prior_and_others_read_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "_AT_ONCE", 16)
    monkeypatch.setattr(stages, "_MEASURED", 32)
    config = tmp_path / "tiny.py"
    config.write_text(f"def get_config():\n    return {TINY}\n")
    (row,) = trained(tmp_path, FOREVER, ["save_dtype=float32"], (str(config),))
    assert (row["stage"], row["to step"]) == ("diffusion", 6)
    folder = tmp_path / "trained" / "tiny"
    model = read_model(folder / "weights")
    train_prior(load_config(str(config), ["run.chunk=2", "diffusion.batch=8"]), folder)
    found = read_model(folder / "model")
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4)  # noqa: E731
    jax.tree.map(close, model.params, found.params)
