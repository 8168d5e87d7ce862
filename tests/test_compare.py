"""The compare command, on folders with made-up views."""

import json
import subprocess
import sys
import zipfile

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


def changed_metrics(**changes):
    def change(folder):
        metrics = json.loads((folder / "metrics.json").read_text())
        (folder / "metrics.json").write_text(json.dumps(metrics | changes))

    return change


def other_views(**arrays):
    return lambda folder: np.savez(folder / "views.npz", **arrays)


def text_in(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def without(name):
    return lambda folder: (folder / name).unlink()


def cut(name):
    def cut(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return cut


def damaged_inside(folder):
    """One byte of a compressed array."""
    path = folder / "views.npz"
    start = zipfile.ZipFile(path).getinfo("views.npy").header_offset + 60
    content = bytearray(path.read_bytes())
    content[start] ^= 0xFF
    path.write_bytes(content)


PICTURE = np.zeros((2, 1, 4, 4, 3), np.uint8)
DAMAGES = {
    "metrics cut": (cut("metrics.json"), "metrics.json' is damaged"),
    "metrics a list": (text_in("metrics.json", b"[1, 2]"), "metrics.json' holds [1, 2], expected"),
    "metrics no JSON": (text_in("metrics.json", b"psnr 3"), "metrics.json' is damaged"),
    "metrics no text": (text_in("metrics.json", b"\xff\xfe\x00"), "metrics.json' is damaged"),
    "metrics deep": (text_in("metrics.json", b"[" * 100_000), "metrics.json' is damaged"),
    "metrics of another command": (text_in("metrics.json", b"{}"), "prompt is None, expected a t"),
    "no number": (changed_metrics(psnr_median="high"), "psnr_median is 'high', expected a number"),
    "not a number": (
        changed_metrics(diversity=float("nan")),
        "diversity is nan, expected a number",
    ),
    "a speed": (
        changed_metrics(steps_per_second=[1]),
        "steps_per_second is [1], expected a number",
    ),
    "seeds": (changed_metrics(seeds=3), "seeds is 3, expected a list of seeds"),
    "other views": (changed_metrics(views=3), "has 1 views and metrics.json 3, expected as many"),
    "views cut": (cut("views.npz"), "views.npz cannot be read"),
    "views damaged": (damaged_inside, "views.npz cannot be read"),
    "no views": (text_in("views.npz", b""), "views.npz cannot be read"),
    "one array": (other_views(views=PICTURE), "views.npz cannot be read"),
    "floats": (other_views(views=PICTURE / 2.0, truths=PICTURE), "views is float64 of shape"),
    "flat": (other_views(views=PICTURE[0], truths=PICTURE), "views is uint8 of shape (1, 4, 4, 3)"),
    "objects": (other_views(views=np.array([{}]), truths=PICTURE), "views.npz cannot be read"),
    "no particles": (other_views(views=PICTURE[:0], truths=PICTURE), "expected some of one size"),
    "sizes": (other_views(views=PICTURE, truths=PICTURE[:, :, 1:]), "expected some of one size"),
    "no config": (without("config.json"), "config.json is missing"),
    "config a list": (text_in("config.json", b"[]"), "config.json"),
    "config no text": (text_in("config.json", b"\xff"), "config.json"),
    "config cut": (text_in("config.json", b'{"rule": '), "config.json"),
    "rule": (text_in("config.json", b'{"rule": 3}'), "config.json is not that of a run: name is 3"),
    "scale": (
        text_in("config.json", b'{"rule": {"name": "sds", "guidance_scale": "7"}}'),
        "guidance_scale is '7', expected a number",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_is_told_and_costs_the_others_nothing(runs, name):
    damage, sentence = DAMAGES[name]
    damage(runs / "fsd")
    with pytest.warns(UserWarning, match="^fsd is left out: ") as told:
        compare(runs)
    assert len(told) == 1 and sentence in str(told[0].message)
    assert [row["run"] for row in rows_of(runs)] == ["ddim", "sds"]


def test_where_all_are_damaged_it_is_one_sentence(runs):
    for run in ("ddim", "fsd", "sds"):
        (runs / run / "metrics.json").write_text("{")
    with pytest.warns(UserWarning), pytest.raises(UserError, match="finished run that can be read"):
        compare(runs)
    assert not (runs / "comparison.md").exists()


def test_what_is_no_run_is_left_alone(runs):
    (runs / "loop").symlink_to(runs / "loop")
    (runs / "file").write_text("")
    (runs / "dangling").symlink_to(runs / "nowhere")
    for name in ("metrics.json", "views.npz"):
        (runs / "folders" / name).mkdir(parents=True)
    compare(runs)
    assert len(rows_of(runs)) == 3


def test_a_rule_of_a_later_version_has_its_name(runs):
    (runs / "fsd" / "config.json").write_text('{"rule": {"name": "later", "guidance_scale": null}}')
    compare(runs)
    row = rows_of(runs)[1]
    assert (row["rule"], row["guidance scale"]) == ("LATER", "")


def test_names_and_prompts_are_shown_letter_by_letter(tmp_path):
    write_run(tmp_path / "a|b*c", [0, 1], prompt="a <b>mug</b> | `x`\n# y_z")
    compare(tmp_path)
    text = (tmp_path / "comparison.md").read_text()
    assert text.startswith("Prompt: a \\<b\\>mug\\</b\\> \\| \\`x\\` \\# y_z\n\n| run |")
    assert "\n| a\\|b\\*c |" in text


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
        ({"out": "sds/config.json"}, "is a file, expected a folder."),
    ],
)
def test_bad_input_is_one_sentence(runs, arguments, sentence):
    folders = {name: runs / value for name, value in arguments.items() if name != "runs"}
    with pytest.raises(UserError) as caught:
        compare(**{"workdir": runs, **arguments, **folders})
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"prompt": "a house"}, "has the prompt a house, but "),
        ({"views": 3}, "has views of shape (3, 16, 16, 3), but "),
    ],
)
def test_a_run_of_another_kind_is_left_out(runs, other, told):
    write_run(runs / "a foreign one", [0, 1], **other)
    with pytest.warns(UserWarning, match="^a foreign one is left out: ") as warned:
        compare(runs)
    assert len(warned) == 1 and told in str(warned[0].message)
    assert [row["run"] for row in rows_of(runs)] == ["ddim", "fsd", "sds"]


def test_where_two_kinds_are_as_common_it_is_one_sentence(runs):
    for name in "xyz":
        write_run(runs / name, [0, 1], prompt="a house")
    with pytest.raises(UserError, match=r"has the prompt a mug, but .*x has a house; expected"):
        compare(runs)
    assert not (runs / "comparison.md").exists()


def test_runs_of_two_kinds_are_not_compared(runs):
    write_run(runs / "dsd", [0, 1], prompt="a house")
    with pytest.raises(
        UserError, match=r"dsd has the prompt a house, but .*sds has a mug; expected"
    ):
        compare(runs, runs=["dsd", "sds"])
    write_run(runs / "sdi", [0, 1], views=3)
    with pytest.raises(UserError, match=r"has views of shape \(1, 16, 16, 3\), but"):
        compare(runs, runs=["sds", "sdi"])


def test_the_command(runs):
    command = [sys.executable, "-m", "sdjax.compare", "--runs=sds,fsd", f"--workdir={runs}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{runs / 'comparison.png'}\n")
    failed = subprocess.run([*command, "--runs=x"], capture_output=True, text=True)
    assert failed.returncode == 2 and failed.stderr.count("\n") == 1
    (runs / "sds" / "views.npz").write_bytes(b"PK")
    told = subprocess.run(command, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, f"{runs / 'comparison.png'}\n")
    assert told.stderr.startswith("sdjax: warning: sds is left out: ")
    assert told.stderr.count("\n") == 1
