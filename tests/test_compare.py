"""The compare command, on folders with made-up views."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from sdjax.compare import compare
from sdjax.config.errors import UserError
from sdjax.reports.evaluation import judge
from sdjax.runs.outputs import finish, write_pictures

SIZE = 16
GREY = np.linspace(0.1, 0.9, 4, dtype=np.float32)


def truths(views):
    """Four objects, each of one grey."""
    return np.broadcast_to(GREY[:, None, None, None, None], (4, views, SIZE, SIZE, 3))


def write_run(folder, objects, views=1, prompt="a mug", config=None, **metrics):
    """A finished run whose particles are the given true objects, a little brighter."""
    folder.mkdir(parents=True)
    particles = truths(views)[np.asarray(objects)] + np.float32(0.01)
    evaluation = judge(particles, truths(views), list("abcd"), range(len(objects)))
    config = config or {"rule": {"name": folder.name, "guidance_scale": 7.5}}
    (folder / "config.json").write_text(json.dumps(config))
    write_pictures(folder, evaluation)
    finish(folder, evaluation, {"prompt": prompt, **metrics})


@pytest.fixture
def runs(tmp_path):
    write_run(tmp_path / "sds", [1] * 20, steps_per_second=21.0, agreement_with_ddim=0.25)
    write_run(tmp_path / "fsd", [0, 1, 2, 3], steps_per_second=20.0, wall_time=12.3)
    write_run(tmp_path / "ddim", [0, 1, 2], config={"steps": 50, "guidance_scale": 1.0})
    (tmp_path / "unfinished").mkdir()
    return tmp_path


def rows_of(folder):
    lines = (folder / "comparison.md").read_text().splitlines()
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    return [dict(zip(table[0], row, strict=True)) for row in table[2:]]


def test_the_table(runs):
    compare(runs)
    ddim, fsd, sds = rows_of(runs)
    assert sds == {
        "run": "sds",
        "rule": "SDS",
        "guidance scale": "7.5",
        "seeds": "20",
        "objects found": "1 of 4",
        "PSNR median": "40.0 dB",
        "PSNR mean": "40.0 dB",
        "agrees with DDIM": "25%",
        "steps/s": "21",
        "wall time": "",
    }
    assert (fsd["rule"], fsd["objects found"], fsd["wall time"]) == ("FSD", "4 of 4", "12 s")
    assert (ddim["rule"], ddim["guidance scale"], ddim["objects found"]) == ("DDIM", "1", "3 of 4")


def test_the_picture_shows_16_seeds_of_the_runs_in_the_order_asked(runs, tmp_path):
    path = compare(runs, tmp_path / "out", ["sds", "fsd"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "comparison.md",
        "comparison.png",
    }
    assert [row["run"] for row in rows_of(tmp_path / "out")] == ["sds", "fsd"]
    picture = np.asarray(Image.open(path))
    column = SIZE + 6
    left = picture.shape[1] - 16 - 16 * column + 6  # of the first of 16 columns
    greys = [picture[16 + SIZE // 2 + k * column, left + SIZE // 2 :: column, 0] for k in range(3)]
    expected = [GREY, [GREY[1] + 0.01] * 16, GREY + 0.01]
    for row, grey in zip(greys, expected, strict=True):
        np.testing.assert_allclose(row[: len(grey)] / 255, grey, atol=0.003)
        assert (row[len(grey) : 16] == 255).all()


def test_objects_are_shown_from_two_sides(tmp_path):
    write_run(tmp_path / "dsd", [0, 1, 2], views=16)
    picture = Image.open(compare(tmp_path))
    assert picture.height == 2 * 16 + 3 * 2 * SIZE + 2 * 6
    (row,) = rows_of(tmp_path)
    assert row["views agree"] == "100%" and "agrees with DDIM" not in row


def test_real_runs_can_be_compared(images_run, tmp_path):
    compare(images_run.parent, tmp_path, ["images"])
    (row,) = rows_of(tmp_path)
    assert (row["rule"], row["seeds"]) == ("DSD", "9")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"workdir": "none"}, "none is not a folder; expected one that holds runs."),
        ({"workdir": "sds"}, "holds no folder with a finished run."),
        ({"runs": ["sdss"]}, "holds no finished run of that name; the nearest is sds."),
        ({"runs": ["unfinished"]}, "holds no finished run of that name"),
        ({"out": "sds/config.json"}, "cannot be written"),
    ],
)
def test_bad_input_is_one_sentence(runs, arguments, sentence):
    folders = {name: runs / value for name, value in arguments.items() if name != "runs"}
    with pytest.raises(UserError) as caught:
        compare(**{"workdir": runs, **arguments, **folders})
    assert sentence in str(caught.value)


def test_runs_of_two_kinds_are_not_compared(runs):
    write_run(runs / "dsd", [0, 1], prompt="a house")
    with pytest.raises(UserError, match=r"has the prompt a mug, but .*dsd has a house; expected"):
        compare(runs, runs=["dsd", "sds"])
    write_run(runs / "sdi", [0, 1], views=3)
    with pytest.raises(UserError, match=r"has views of shape \(3, 16, 16, 3\), but"):
        compare(runs, runs=["sds", "sdi"])


def test_the_command(runs):
    command = [sys.executable, "-m", "sdjax.compare", "--runs=sds,fsd", f"--workdir={runs}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{runs / 'comparison.png'}\n")
    failed = subprocess.run([*command, "--runs=x"], capture_output=True, text=True)
    assert failed.returncode == 2 and failed.stderr.count("\n") == 1
