"""Event files of TensorBoard joined to one."""

from sdjax.reports.event_files import MOST, join_event_files
from tests.reports.events import values, written


def test_many_files_become_one_with_all_events(tmp_path):
    for step in range(MOST + 1):
        written(tmp_path, f"{step:02}", {step: step / 2})
    join_event_files(tmp_path)
    (path,) = tmp_path.iterdir()
    assert values(path) == [(step, step / 2) for step in range(MOST + 1)]
    join_event_files(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_record_that_was_cut_short_is_left_out(tmp_path):
    for step in range(MOST + 1):
        path = written(tmp_path, f"{step:02}", {step: 1.0, step + 100: 2.0})
        if step == 3:
            path.write_bytes(path.read_bytes()[:-5])
        if step == 4:
            path.write_bytes(b"\xff" * 100)
    join_event_files(tmp_path)
    (path,) = tmp_path.iterdir()
    steps = [step for step, _ in values(path)]
    expected = [at for step in range(MOST + 1) if step != 4 for at in (step, step + 100)]
    expected.remove(103)
    assert steps == expected


def test_few_files_and_no_folder_are_left(tmp_path):
    path = written(tmp_path, "1", {1: 2.0})
    before = path.read_bytes()
    join_event_files(tmp_path)
    join_event_files(tmp_path / "none")
    assert path.read_bytes() == before
