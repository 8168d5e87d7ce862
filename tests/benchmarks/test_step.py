"""The step that is timed, and its parts."""

import jax
import numpy as np
import pytest

from sdjax.benchmarks.method import Method
from sdjax.benchmarks.runs import fresh_particle
from sdjax.benchmarks.section import Deadline
from sdjax.benchmarks.step import measure_steps, parts, whole_step
from sdjax.runs.several_steps import Span
from sdjax.runs.step import train_particle
from tests import tiny
from tests.benchmarks.opened import CACHED, SMALL, opened, rows_of
from tests.small_runs import images_config

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.mark.slow
def test_the_whole_step_is_that_of_training():
    run = opened(**CACHED)
    work = whole_step(run, 100)
    prior, conditioning, particle, steps = work.arguments
    np.testing.assert_array_equal(steps, np.arange(100))
    trained, log = tiny.jit(work.function)(*work.arguments)
    train = tiny.jit(
        lambda seed: train_particle(
            run.recipe, 100, prior, conditioning, Span(seed), seed, particle
        )
    )
    expected, expected_log = train(np.int32(0))
    jax.tree.map(np.testing.assert_array_equal, trained, expected)
    np.testing.assert_array_equal(log.t, expected_log.t)


@pytest.mark.slow
def test_parts_have_gradients_of_what_they_are_given():
    run = opened(**CACHED)
    works = parts(run, 2)
    assert list(works) == ["render", "encode", "rule", "update"]
    shapes = {name: jax.eval_shape(work.function, *work.arguments) for name, work in works.items()}
    params = fresh_particle(run).params
    same = lambda tree, other: jax.tree.map(np.shape, tree) == jax.tree.map(np.shape, other)  # noqa: E731
    assert same(shapes["render"][1], params) and same(shapes["update"][0], params)
    assert shapes["encode"][1].shape == (1, 8, 8, 3)
    assert shapes["rule"][1].shape == (2, 1, 8, 8, 3)


@pytest.mark.slow
def test_a_row_of_the_table_of_steps(tiny_priors):
    config = images_config(**SMALL, **CACHED)
    events = measure_steps(
        {"dsd": config}, "small", 2, True, Method(1, 1e-4), Deadline.after(100.0)
    )
    (row,) = rows_of(events)
    assert row["run"] == "dsd" and row["evaluations/step"] == 1
    assert row["steps/s"] == pytest.approx(1e3 / row["step, ms"])
    assert all(row[f"{part}, ms"] > 0 for part in ("render", "encode", "rule", "update"))
