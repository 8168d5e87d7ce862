import io

import pytest

from sdjax.reports.progress import Progress, Speed, clock_time


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (0.2, "0:01"), (59.9, "1:00"), (754, "12:34"), (3723, "1:02:03")],
)
def test_times(seconds, shown):
    assert clock_time(seconds) == shown


def test_speed_does_not_count_the_time_before_the_first_update():
    clock = Clock()
    speed = Speed(clock)
    clock.now += 50.0
    speed.update(10)
    assert speed.steps_per_second() is None
    clock.now += 2.0
    speed.update(20)
    assert speed.steps_per_second() == pytest.approx(5.0)


def test_speed_forgets_what_is_long_ago():
    clock = Clock()
    speed = Speed(clock)
    for step in range(0, 1000, 10):
        clock.now += 10.0 if step < 500 else 1.0
        speed.update(step)
    assert speed.steps_per_second() == pytest.approx(10.0)


def test_a_log_has_a_line_now_and_then_and_one_at_the_end():
    clock, log = Clock(), io.StringIO()
    with Progress(100, "2 x a mug", every=10.0, stream=log, clock=clock) as progress:
        for step in range(1, 101):
            clock.now += 0.25
            progress.update(step, {"sds": 0.5} if step == 1 else None)
    assert log.getvalue().splitlines() == [
        "2 x a mug  compiling",
        "2 x a mug  1/100  sds 0.5",
        "2 x a mug  41/100  4 steps/s  0:15 left  sds 0.5",
        "2 x a mug  81/100  4 steps/s  0:05 left  sds 0.5",
        "2 x a mug  100/100  4 steps/s  0:00 left  sds 0.5",
    ]


def test_a_terminal_has_one_line_that_changes():
    clock, terminal = Clock(), Terminal()
    with Progress(2, "a [red] mug", stream=terminal, clock=clock) as progress:
        for step in (1, 2):
            clock.now += 0.25
            progress.update(step, {"sds": 1 / step})
    shown = terminal.getvalue()
    assert "a [red] mug  2/2  4 steps/s  0:00 left  sds 0.5" in shown
    assert shown.count("\n") == 1


def test_a_log_of_days_has_few_lines():
    """Ten days, with a line every ten seconds at first."""
    clock, stream = Clock(), io.StringIO()
    progress = Progress(10**6, "a mug", stream=stream, clock=clock)
    for step in range(1, 86400 + 1):
        clock.now += 10.0
        progress.update(step)
    lines = stream.getvalue().count("\n")
    assert 1000 < lines < 6000
