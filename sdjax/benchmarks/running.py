"""One section after the other, each with its share of the time, and what is there of it so far."""

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from sdjax.benchmarks.section import (
    Deadline,
    Doing,
    Event,
    Left,
    Note,
    Row,
    Section,
    in_short,
)

Sections = dict[str, Section]


class Plan(NamedTuple):
    """A section that is still to be measured."""

    title: str
    note: str
    events: Callable[[Deadline], Iterator[Event]]


class Progress(NamedTuple):
    """All tables after an event."""

    sections: Sections
    at: str  # the section that is at work
    is_done: bool  # that section


def not_begun(plan: Plan) -> Section:
    """The table of a plan so far."""
    return Section(plan.title, f"{plan.note} Not begun so far.", [])


def measure(
    plans: Mapping[str, Plan],
    shares: Mapping[str, float],
    deadline: Deadline,
    say: Callable[[str], None],
) -> Iterator[Progress]:
    """All tables as they are after each event, in the order of `plans`.

    Of the time that is left when it begins, a section has its share over those of all that are
    still to come: what one does not use is the later ones'.
    """
    done = {name: not_begun(plan) for name, plan in plans.items()}
    to_come = list(plans)
    while to_come:
        name = to_come[0]
        part = deadline.part(shares[name] / sum(shares[other] for other in to_come))
        told = lambda row, name=name, part=part: say(_line(name, row, part, deadline))  # noqa: E731
        for section in growing(plans[name], part, told):
            done[name] = section
            yield Progress(dict(done), name, False)
        yield Progress(dict(done), name, True)
        del to_come[0]


def growing(
    plan: Plan, deadline: Deadline, told: Callable[[str], None] = lambda row: None
) -> Iterator[Section]:
    """The table of a plan after each event; `told` gets the names of rows as they begin.

    What ends the generator before its time becomes a sentence.
    """
    notes: list[str] = []
    rows: list[Row] = []
    left: list[Left] = []
    doing: str | None = None
    for event in _until_it_fails(plan, deadline):
        match event:
            case Doing(name):
                doing = name
                told(name)
            case Left():
                doing = None if event.name == doing else doing
                left.append(event)
            case Note(sentence):
                notes.append(sentence)
            case _:
                doing = None
                rows.append(event)
        yield _section(plan, notes, rows, left, doing or "the next row")
    yield _section(plan, notes, rows, left, None)


def _until_it_fails(plan: Plan, deadline: Deadline) -> Iterator[Event]:
    try:
        yield from plan.events(deadline)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        yield Left("the rest", in_short(error))


def _section(
    plan: Plan, notes: list[str], rows: list[Row], left: list[Left], doing: str | None
) -> Section:
    in_time = [one.name for one in left if one.why is None]
    sentences = [plan.note, *notes]
    if in_time:
        sentences.append(f"Not measured within the limit: {', '.join(in_time)}.")
    sentences += [f"Failed: {_reason(one, ' (')})." for one in left if one.why is not None]
    if doing is not None:
        sentences.append(f"Not finished: at work on {doing}.")
    return Section(plan.title, " ".join(sentences), list(rows), tuple(left))


def failed(sections: Mapping[str, Section]) -> list[str]:
    """A sentence about each section that has no row, or of which a row has failed."""
    sentences = []
    for name, section in sections.items():
        reasons = [_reason(one, ": ") for one in section.left if one.why is not None]
        if reasons:
            sentences.append(f"{name}: {'; '.join(reasons)}")
        elif not section.rows:
            sentences.append(f"{name} has no row")
    return sentences


def _reason(left: Left, between: str) -> str:
    """Without the full stop of a sentence, which another one goes on with."""
    return f"{left.name}{between}{left.why.rstrip('.')}"


def _line(name: str, row: str, part: Deadline, whole: Deadline) -> str:
    left = [f"{one.left():.0f} s" for one in (part, whole) if one.left() < float("inf")]
    time = f" ({left[0]} left of its time, {left[1]} of all)" if left else ""
    return f"{name}: {row} ...{time}"
