import json

import numpy as np
import pytest

from sdjax.reports import scalars as module
from sdjax.reports.event_files import MOST
from sdjax.reports.scalars import Scalars, read_scalars


def write(folder, steps, first_step=0):
    with Scalars(folder, first_step) as scalars:
        for step in steps:
            scalars.log(step, {"loss/sds": np.float32(step / 4), "psnr": 20})


def test_each_log_is_a_line_that_is_there_at_once(tmp_path):
    with Scalars(tmp_path / "new") as scalars:
        scalars.log(0, {"loss/sds": np.float32(0.25)})
        assert read_scalars(tmp_path / "new") == [{"step": 0, "loss/sds": 0.25}]


def test_a_resumed_run_logs_each_step_once(tmp_path):
    write(tmp_path, range(6))
    write(tmp_path, range(4, 8), first_step=4)
    expected = [{"step": step, "loss/sds": step / 4, "psnr": 20.0} for step in range(8)]
    assert read_scalars(tmp_path) == expected


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path):
    write(tmp_path, range(3))
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text()[:-5])
    write(tmp_path, [2], first_step=2)
    assert [line["step"] for line in read_scalars(tmp_path)] == [0, 1, 2]


def test_tensorboard_holds_the_scalars_and_the_images(tmp_path):
    with Scalars(tmp_path) as scalars:
        scalars.log(3, {"loss/sds": 0.5})
        scalars.image(3, "particles", np.zeros((4, 5, 3), np.float32))
    (events,) = (tmp_path / "tensorboard").iterdir()
    data = events.read_bytes()
    assert b"loss/sds" in data and b"particles" in data and b"PNG" in data


def test_what_is_not_finite_is_null(tmp_path):
    with Scalars(tmp_path) as scalars:
        scalars.log(1, {"loss/sds": np.float32("nan"), "psnr": float("inf")})
    (line,) = (tmp_path / "metrics.jsonl").read_text().splitlines()
    none = json.loads(line, parse_constant=pytest.fail)
    assert none == {"step": 1, "loss/sds": None, "psnr": None}
    write(tmp_path, [2], first_step=2)
    assert [line["step"] for line in read_scalars(tmp_path)] == [1, 2]


@pytest.mark.parametrize(
    "damage",
    [b"\0" * 40 + b"\n", b"\xff\n", b"[]\n", b"{}\n", b'{"step": null}\n', b"[" * 99999 + b"\n"],
)
def test_damaged_lines_are_dropped_when_a_run_goes_on(tmp_path, damage):
    write(tmp_path, range(1, 3))
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(damage + path.read_bytes())
    write(tmp_path, [3], first_step=3)
    assert [line["step"] for line in read_scalars(tmp_path)] == [1, 2, 3]


def test_a_long_run_is_logged_more_rarely_and_its_last_step_always(tmp_path, monkeypatch):
    """As many lines again with each doubling, also of one that was interrupted."""
    monkeypatch.setattr(module, "LINES", 50)
    write(tmp_path, range(1, 1001))
    steps = [line["step"] for line in read_scalars(tmp_path)]
    assert steps[:50] == list(range(1, 51)) and steps[-1] == 1000
    assert 50 + 50 * np.log(20) * 0.8 < len(steps) < 50 + 50 * np.log(20) + 2
    write(tmp_path, range(601, 1001), first_step=601)
    again = [line["step"] for line in read_scalars(tmp_path)]
    assert again[-1] == 1000 and abs(len(again) - len(steps)) < 3


def test_pictures_of_a_long_run_are_kept_more_rarely(tmp_path):
    shown = []
    with Scalars(tmp_path) as scalars:
        scalars._events.image = lambda step, name, image: shown.append(step)
        for step in range(100, 1_000_001, 100):
            scalars.image(step, "particles", np.zeros((4, 5, 3), np.uint8))
    assert shown[:25] == list(range(100, 2501, 100)) and len(shown) < 200


def test_a_run_that_is_resumed_often_has_few_event_files(tmp_path):
    for step in range(1, 3 * MOST):
        write(tmp_path, [step], first_step=step)
        assert len(list((tmp_path / "tensorboard").iterdir())) <= MOST + 1
