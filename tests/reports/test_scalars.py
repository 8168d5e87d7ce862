import numpy as np

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
