"""Medians of repeats that are taken in turns."""

import jax
import jax.numpy as jnp
import pytest

from sdjax.benchmarks.method import Method, runner, take_turns, time_alone
from sdjax.benchmarks.section import Deadline


class Clock:
    """A runner that takes given seconds per call, and notes when it ran and how often."""

    def __init__(self, name, seconds, log):
        self.name, self.seconds, self.log = name, iter(seconds), log

    def __call__(self, calls):
        self.log.append((self.name, calls))
        return next(self.seconds) * calls


def test_repeats_take_turns_after_two_calls_each():
    log = []
    clocks = {
        "a": Clock("a", (9.0, 0.2, 0.3, 0.1, 0.4, 7.0), log),
        "b": Clock("b", (9.0, 3.0, 3.0, 2.0, 5.0, 7.0), log),
    }
    timings = take_turns(clocks, Method(repeats=3, seconds=1.0))
    warm_up = [("a", 1), ("a", 1), ("b", 1), ("b", 1)]
    assert log[:10] == warm_up + [("a", 5), ("b", 1)] * 3
    assert timings["a"][:3] == pytest.approx((0.3, 0.1, 0.4)) and timings["a"].calls == 5
    assert timings["b"] == (3.0, 2.0, 5.0, 1, 3) and timings["b"].spread == 100.0


def test_repeats_end_at_the_deadline_but_the_first_is_made():
    clock = Clock("a", (9.0, 0.2, 0.3, 0.1, 0.4), [])
    timing = time_alone("a", clock, Method(3, 1.0, deadline=Deadline.after(0.0)))
    assert timing[:3] == pytest.approx((0.3, 0.3, 0.3))
    assert timing.repeats == 1 and timing.spread is None


@pytest.mark.parametrize("fails", [0, 1, 3])
def test_what_cannot_go_on_is_left_out(fails):
    seconds = [0.5] * fails + [float("nan")] * (5 - fails)
    clocks = {"good": Clock("good", [0.5] * 5, []), "bad": Clock("bad", seconds, [])}
    timings = take_turns(clocks, Method(3, 1.0))
    assert list(timings) == ["good"]


def test_the_clock_stops_when_the_result_is_there():
    x = jnp.ones((300, 300))
    timing = time_alone("product", runner(jax.jit(jnp.matmul), x, x), Method(3, 0.01))
    assert 0 < timing.fastest <= timing.median <= timing.slowest
    assert 2 * 300**3 / timing.fastest < 1e14, "faster than any CPU"


def test_traces_are_kept_on_request(tmp_path):
    x = jnp.ones(4)
    time_alone("a/b c", runner(jax.jit(jnp.sin), x), Method(1, 0.001, tmp_path))
    assert list((tmp_path / "a_b_c").rglob("*.xplane.pb"))
