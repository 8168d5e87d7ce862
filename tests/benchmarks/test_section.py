"""Rows that keep to their time."""

import pytest

from sdjax.benchmarks import section
from sdjax.benchmarks.section import Deadline, Doing, Left, in_time


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(section.time, "monotonic", clock)
    return clock


def test_a_deadline_and_its_parts(clock):
    deadline = Deadline.after(10.0)
    half = deadline.part(0.5)
    assert (deadline.left(), half.left(), deadline.over()) == (10.0, 5.0, False)
    clock.now += 12.0
    assert deadline.over() and deadline.left() == -2.0 and deadline.part(0.5).left() == 0.0
    assert not Deadline.after(float("inf")).over()


def rows_that_take(clock, *seconds):
    def row(taken):
        clock.now += taken
        return {"s": taken}

    return [(f"row {taken}", lambda taken=taken: row(taken)) for taken in seconds]


def test_a_row_begins_only_where_more_is_left_than_the_longest_took(clock):
    events = list(in_time(rows_that_take(clock, 3.0, 4.0, 2.0, 1.0), Deadline.after(10.0)))
    assert events == [
        *(Doing("row 3.0"), {"s": 3.0}),
        *(Doing("row 4.0"), {"s": 4.0}),  # 7 s are left, then 3
        *(Left("row 2.0"), Left("row 1.0")),
    ]


def test_nothing_begins_when_the_time_is_over(clock):
    assert list(in_time(rows_that_take(clock, 1.0), Deadline.after(0.0))) == [Left("row 1.0")]


def test_a_row_that_fails_is_left_with_its_reason_and_the_next_begins(clock, capsys):
    def fails():
        raise ValueError("no room\nfor more")

    rows = [("bad", fails), *rows_that_take(clock, 1.0)]
    events = list(in_time(rows, Deadline.after(10.0)))
    assert events[1] == Left("bad", "ValueError: no room") and events[-1] == {"s": 1.0}
    assert "Traceback" in capsys.readouterr().err
