"""What is told of a run while it goes on."""

import time
import warnings

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from sdjax.reports.scalars import read_scalars
from sdjax.runs import loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.failures import Told
from sdjax.runs.loop import Chunk
from sdjax.runs.run import open_run
from sdjax.runs.watch import Watch
from tests.small_runs import images_config, objects_config

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def run():
    return open_run(images_config(seeds=3))


@pytest.fixture(scope="module")
def objects():
    return open_run(objects_config(seeds=3))


@pytest.fixture(scope="module")
def particles(run, tmp_path_factory):
    with Checkpoints(tmp_path_factory.mktemp("trained")) as checkpoints:
        return loop.train(run, checkpoints)


def chunk(step, seconds=1.0, *, compiles=False, particles=None, opacity=0.5, failures=()):
    """Two steps, after which `step` are done; saved where particles are given."""
    return Chunk(
        step,
        2,
        {"guidance": np.float32([1.0, 2.0, 6.0]), "opaque": np.float32([0.5, 0.5, 0.5])},
        np.full(3, opacity),
        list(failures),
        seconds,
        compiles,
        particles,
        saved=particles is not None,
        interrupted=None,
    )


def pictures(folder):
    """Height and width of TensorBoard's picture of each step that has one."""
    (file,) = (folder / "tensorboard").iterdir()
    data, sizes, at = file.read_bytes(), {}, 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        event = Event.FromString(data[at + 12 : at + 12 + length])
        for value in event.summary.value:
            if value.tag == "particles":
                sizes[event.step] = (value.image.height, value.image.width)
        at += 16 + length
    return sizes


@pytest.mark.slow
def test_every_chunk_is_logged_and_those_that_are_saved_are_shown(run, particles, tmp_path):
    spread = type(particles)(*run.placement.spread(particles.particles), particles.shared)
    with Watch(run, tmp_path, 0, time.perf_counter()) as watch:
        watch(chunk(2))
        watch(chunk(4, particles=spread))
    assert read_scalars(tmp_path) == [
        {"step": 2, "loss/guidance": 3.0, "loss/opaque": 0.5},
        {"step": 4, "loss/guidance": 3.0, "loss/opaque": 0.5},
    ]
    assert pictures(tmp_path) == {4: (32, 32)}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_particle_that_is_not_finite_is_not_drawn(run, tmp_path, bad):
    views = np.full((3, 1, 4, 4, 3), 0.5, np.float32)
    with Watch(run, tmp_path, 0, time.perf_counter()) as watch:
        watch._show = lambda particles, camera: views
        watch(chunk(2, particles=()))
        views[1, 0, 3, 2, 1] = bad
        watch(chunk(4, particles=()))
        views[:, 0, 3, 2, 1] = bad
        watch(chunk(6, particles=()))
    assert pictures(tmp_path) == {2: (8, 8), 4: (4, 8)}


def test_a_seed_that_stops_is_told_once_and_no_longer_counted(run, tmp_path):
    failure = Told(1, 3, "gradient")
    expected = pytest.warns(UserWarning, match=r"seed 1 at step 3 \(gradient\) is infinite")
    with expected as told, Watch(run, tmp_path, 0, time.perf_counter()) as watch:
        watch(chunk(4, failures=[failure]))
        watch(chunk(6, failures=[failure]))
    assert len(told) == 1
    assert [line["loss/guidance"] for line in read_scalars(tmp_path)] == [3.5, 3.5]


@pytest.mark.parametrize(("opacity", "word"), [(0.0, "is empty"), (1.0, "is solid")])
def test_a_scene_that_shows_nothing_is_told_while_it_is_trained(objects, tmp_path, opacity, word):
    with Watch(objects, tmp_path, 0, time.perf_counter()) as watch:
        watch(chunk(0, opacity=opacity))  # it has to begin somehow
        with pytest.warns(UserWarning, match=word) as told:
            watch(chunk(4, opacity=opacity))
            watch(chunk(6, opacity=opacity))
    assert len(told) == len(objects.seeds)


def test_a_picture_is_neither_empty_nor_solid(run, tmp_path):
    with warnings.catch_warnings(), Watch(run, tmp_path, 0, time.perf_counter()) as watch:
        warnings.simplefilter("error")
        watch(chunk(4, opacity=1.0))


def test_a_resumed_run_logs_no_step_twice(run, tmp_path):
    for first in (0, 2):
        with Watch(run, tmp_path, first, time.perf_counter()) as watch:
            for step in range(first + 2, 6, 2):
                watch(chunk(step))
    assert [line["step"] for line in read_scalars(tmp_path)] == [2, 4]


def test_the_speed_is_that_without_compilation(run, tmp_path):
    with Watch(run, tmp_path, 0, time.perf_counter() - 5.0) as watch:
        assert watch.timing() == {}
        watch(chunk(2, seconds=60.0, compiles=True))
        assert watch.timing()["steps_per_second"] == 0.03
        watch(chunk(4, seconds=0.5))
        watch(chunk(6, seconds=1.5))
    timing = watch.timing()
    assert timing["steps_per_second"] == 2.0
    assert 5.0 <= timing["time_to_first_step"] <= timing["wall_time"] < 60.0
    assert "resumed_at" not in timing
    with Watch(run, tmp_path, 6, time.perf_counter()) as resumed:
        resumed(chunk(8))
    assert resumed.timing()["resumed_at"] == 6


def test_only_the_first_of_several_processes_tells(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sdjax.runs.watch.is_first", lambda: False)
    with Watch(run, tmp_path, 0, time.perf_counter()) as watch:
        watch(chunk(2))
    assert watch.timing()["steps_per_second"] == 2.0
    assert not list(tmp_path.iterdir()) and capsys.readouterr().out == ""


def test_an_interruption_closes_what_was_opened(run, tmp_path):
    with pytest.raises(ZeroDivisionError), Watch(run, tmp_path, 0, time.perf_counter()) as watch:
        watch(chunk(2))
        raise ZeroDivisionError
    assert [line["step"] for line in read_scalars(tmp_path)] == [2]
    assert pictures(tmp_path) == {}
