"""The exponent of a growth, its reading, and rows that are measured."""

import numpy as np
import pytest

from sdjax.benchmarks import growth
from sdjax.benchmarks.growth import KINDS, SIZES, fitted, measure_growth, reading, row_of
from sdjax.benchmarks.method import Method
from sdjax.benchmarks.schema import check_config, load_config
from sdjax.benchmarks.section import Deadline, Doing, Left
from sdjax.config.errors import UserError
from sdjax.runs.schema import completed
from tests.benchmarks.opened import CACHED, SMALL
from tests.small_runs import images_config


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(power):
    amounts = [1, 2, 4, 8, 16]
    seconds = [0.03 * amount**power for amount in amounts]
    assert fitted(amounts, seconds) == pytest.approx(power, abs=1e-12)


def test_a_fixed_cost_hides_a_growth_at_first_and_the_last_sizes_tell():
    amounts = [1, 4, 16, 64]
    row = row_of("it", "run", amounts, [10.0 + 0.5 * amount**1.5 for amount in amounts])
    assert row["exponent"] < 1.0 < row["of the last two"]
    assert row["reading"] == "more than linear at the end"
    assert row["amounts"] == [1, 4, 16, 64]


def test_readings():
    assert reading(0.3, 1.0) == reading(1.02, 1.08) == "linear or better"
    assert reading(1.2, 1.2) == "more than linear"
    assert reading(0.8, 1.3) == "more than linear at the end"


def measured(**changes):
    """A row for particles at one and two of them."""
    arguments = {
        "run": None,
        "network_run": None,
        "kinds": ("particles",),
        "steps": 2,
        "sizes": {"particles": (1, 2)},
        **changes,
    }
    runs = {"dsd": images_config(**SMALL, **CACHED)}
    method, deadline = Method(1, 1e-4), Deadline.after(float("inf"))
    _, *events = measure_growth(runs, "small", method, deadline, **arguments)
    return [event for event in events if not isinstance(event, Doing)]


@pytest.mark.slow
def test_a_row_of_particles(tiny_priors):
    (row,) = measured()
    assert (row["run"], row["amounts"]) == ("dsd", [1, 2])
    first, second = row["ms"]
    assert row["exponent"] == pytest.approx(np.log2(second / first))


def test_without_a_network_its_rows_are_not_there():
    assert measured(kinds=("views", "bins"), sizes=SIZES) == []


def test_a_failure_is_a_sentence_and_the_next_is_measured(monkeypatch, capsys):
    def fails(opened, value, steps):
        raise MemoryError("no room")

    monkeypatch.setattr(growth, "Opener", lambda model: lambda of_run: None)
    monkeypatch.setitem(KINDS, "particles", KINDS["particles"]._replace(measured=fails))
    assert measured() == [Left("particles", "MemoryError: no room")]


def test_sizes_without_room_are_left_and_the_others_told(monkeypatch, capsys):
    def fails_at_8(opened, value, steps):
        if value == 8:
            raise MemoryError("no room")
        return lambda calls: 0.1 * value * calls

    monkeypatch.setattr(growth, "Opener", lambda model: lambda of_run: None)
    monkeypatch.setitem(KINDS, "particles", KINDS["particles"]._replace(measured=fails_at_8))
    (row,) = measured(sizes={"particles": (16, 4, 2, 8)})
    assert row["amounts"] == [2, 4] and row["ms"] == pytest.approx([100.0, 200.0])
    assert row["exponent"] == pytest.approx(1.0)
    assert row["left"] == "from 8 on (MemoryError: no room)"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"run": "demmo"}, r"growth\.run names 'demmo', expected one of .*; did you mean 'demo'"),
        ({"network_run": "sml"}, r"growth\.network_run names 'sml', expected one of"),
        ({"sizes.particles": (2, 2)}, r"sizes\.particles is \(2, 2\), expected two different"),
    ],
)
def test_what_cannot_be_is_a_sentence_before_anything_is_measured(changes, sentence):
    changed = {f"growth.{name}": value for name, value in changes.items()}
    with pytest.raises(UserError, match=sentence):
        check_config(load_config("benchmark_growth", changed))


def test_every_size_is_a_change_that_its_run_admits():
    config = load_config("benchmark_growth")
    for name, kind in KINDS.items():
        run = completed(config.runs["small" if kind.network else "demo"].to_dict())
        for value in config.growth.sizes[name]:
            growth.load_config(run, kind.changes(value))
