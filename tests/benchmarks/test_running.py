"""Sections in turn, and what is there of them at every moment."""

import pytest

from sdjax.benchmarks import section
from sdjax.benchmarks.running import Plan, failed, growing, measure
from sdjax.benchmarks.section import Deadline, Doing, Left, Note, Section
from tests.benchmarks.test_section import Clock

ROW = {"ms": 1.0}


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(section.time, "monotonic", clock)
    return clock


def plan(*events, title="Title"):
    return Plan(title, "What was done.", lambda deadline: iter(events))


def test_a_section_grows_with_each_event():
    events = [Doing("x1"), Note("At 3 GHz."), ROW, Left("x2"), Left("x3"), Doing("x4")]
    first, *_, after_x1, x2, _, x4, last = growing(plan(*events), Deadline.after(1.0))
    assert (first.rows, first.note) == ([], "What was done. Not finished: at work on x1.")
    assert after_x1.rows == [ROW] and x2.rows == [ROW]
    assert x4.note.endswith("Not finished: at work on x4.")
    assert last == Section(
        "Title",
        "What was done. At 3 GHz. Not measured within the limit: x2, x3.",
        [ROW],
        (Left("x2"), Left("x3")),
    )


def test_what_fails_is_a_sentence_and_the_next_section_begins(capsys):
    def breaks(deadline):
        yield ROW
        raise ValueError("bad\nthing")

    plans = {"a": Plan("A", "Note.", breaks), "b": plan(Left("x1"), title="B")}
    told = []
    *_, last = measure(plans, {"a": 1.0, "b": 1.0}, Deadline.after(9.0), told.append)
    assert last.sections["a"].note == "Note. Failed: the rest (ValueError: bad)."
    assert last.sections["a"].rows == [ROW]
    assert failed(last.sections) == ["a: the rest: ValueError: bad", "b has no row"]
    assert failed({"b": Section("B", "", [ROW], (Left("x2"),))}) == []
    assert failed({"b": Section("B", "", [ROW], (Left("x", "It ended."),))}) == ["b: x: It ended"]


def test_time_that_one_section_does_not_use_is_the_later_ones(clock):
    given = {}

    def takes(name, seconds):
        def events(deadline):
            given[name] = deadline.left()
            clock.now += seconds
            yield ROW

        return Plan(name, "", events)

    plans = {"a": takes("a", 10.0), "b": takes("b", 70.0), "c": takes("c", 1.0)}
    shares = {"a": 2.0, "b": 1.0, "c": 1.0, "another": 9.0}
    list(measure(plans, shares, Deadline.after(100.0), print))
    assert given == {"a": 50.0, "b": 45.0, "c": 20.0}


def test_sections_that_are_to_come_are_there_and_progress_is_told(clock):
    plans = {"a": plan(Doing("x1"), ROW), "b": plan(ROW)}
    told = []
    progress = list(measure(plans, {"a": 1.0, "b": 3.0}, Deadline.after(8.0), told.append))
    assert progress[0].sections["b"] == Section("Title", "What was done. Not begun so far.", [])
    assert [one.at for one in progress if one.is_done] == ["a", "b"]
    assert told == ["a: x1 ... (2 s left of its time, 8 s of all)"]
    list(measure(plans, {"a": 1.0, "b": 3.0}, Deadline.after(float("inf")), told.append))
    assert told[1] == "a: x1 ..."
