import json

import pytest
from ml_collections import FrozenConfigDict

from sdjax.config.errors import UserError
from sdjax.runs.workdir import make_folder, open_workdir, read_config
from tests.config.like import load

CONFIG = {
    "steps": 300,
    "prompt": "a mug",
    "rate": 0.1,
    "weights": None,
    "camera": {"elevation": (-10.0, 45.0)},
    "rule": {"name": "dsd", "cfg": 1.0},
}


def changed(**overrides):
    return load(CONFIG, {name.replace("__", "."): v for name, v in overrides.items()})


def test_what_is_no_folder_is_named_for_what_it_is(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    for make in (make_folder, lambda path: open_workdir(path, {})):
        with pytest.raises(UserError, match="is a link to nothing, expected a folder"):
            make(tmp_path / "link")
        with pytest.raises(UserError, match="is not UTF-8"):
            make(tmp_path / "\udcff")
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_the_configuration_is_written_and_read_back(tmp_path):
    folder = open_workdir(tmp_path / "runs" / "x", load(CONFIG))
    assert folder == tmp_path / "runs" / "x"
    assert read_config(folder) == load(CONFIG)
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_the_order_of_the_fields_does_not_matter(tmp_path):
    open_workdir(tmp_path / "a", CONFIG)
    open_workdir(tmp_path / "b", dict(reversed(CONFIG.items())))
    texts = [(tmp_path / name / "config.json").read_text() for name in "ab"]
    assert texts[0] == texts[1]
    assert list(json.loads(texts[0])) == sorted(CONFIG)


def test_the_same_configuration_reopens(tmp_path):
    open_workdir(tmp_path, load(CONFIG))
    (tmp_path / "mesh.glb").write_text("computed")
    open_workdir(tmp_path, FrozenConfigDict(CONFIG))
    assert (tmp_path / "mesh.glb").read_text() == "computed"


def test_ignored_fields_and_tables_may_differ_and_are_updated(tmp_path):
    open_workdir(tmp_path, CONFIG)
    other = changed(steps=500, rule__cfg=7.5)
    open_workdir(tmp_path, other, ignore=("steps", "rule"))
    assert read_config(tmp_path) == other


@pytest.mark.parametrize(
    ("config", "ignore", "named"),
    [
        (changed(steps=500), (), "(config.steps is 300 there and 500 here)"),
        (
            changed(rule__name="sds"),
            ("rule.cfg",),
            "(config.rule.name is 'dsd' there and 'sds' here)",
        ),
        (
            changed(camera__elevation=(0, 1)),
            (),
            "(config.camera.elevation is (-10.0, 45.0) there and (0.0, 1.0) here)",
        ),
        (CONFIG | {"seeds": 4}, (), "(config.seeds is 'absent' there and 4 here)"),
        (
            {"steps": 300},
            ("rule", "camera", "rate", "weights"),
            "(config.prompt is 'a mug' there and 'absent' here)",
        ),
        (
            changed(steps=500, prompt="a car"),
            ("step", "prom"),
            "prompt is 'a mug' there and 'a car' here, config.steps",
        ),
        (
            changed(steps=1, prompt="a", rate=1, rule__cfg=2),
            (),
            "config.rule.cfg is 1.0 there and 2.0 here, and 1 more)",
        ),
    ],
)
def test_another_configuration_is_refused_and_changes_nothing(tmp_path, config, ignore, named):
    open_workdir(tmp_path, CONFIG)
    (tmp_path / "checkpoints").mkdir()
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(UserError) as caught:
        open_workdir(tmp_path, config, ignore)
    assert named in str(caught.value)
    assert str(caught.value).startswith(f"--workdir={tmp_path} holds a run with another config")
    assert str(caught.value).endswith("; choose another --workdir.")
    assert (tmp_path / "config.json").read_text() == before


def test_a_run_that_left_nothing_gives_its_folder_to_another(tmp_path):
    open_workdir(tmp_path, CONFIG)
    open_workdir(tmp_path, changed(steps=500))
    assert read_config(tmp_path) == changed(steps=500)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("{tmp}/file", "--workdir={tmp}/file is a file, expected a folder."),
        ("{tmp}/file/x", "--workdir={tmp}/file/x cannot be written (Not a directory)."),
        ("/proc/x/y", "--workdir=/proc/x/y cannot be written (No such file or directory)."),
        (
            "{tmp}/" + "x" * 300,
            "--workdir={tmp}/" + "x" * 300 + " cannot be written (File name too long).",
        ),
    ],
)
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, path, sentence):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError) as caught:
        open_workdir(path.format(tmp=tmp_path), CONFIG)
    assert str(caught.value) == sentence.format(tmp=tmp_path)


def test_reading_where_no_run_is_or_a_damaged_one(tmp_path):
    with pytest.raises(UserError, match=r"holds no run \(config.json is missing\)"):
        read_config(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.json").write_text('{"steps": 3')
    with pytest.raises(UserError, match=r"config.json is damaged"):
        read_config(tmp_path)
    with pytest.raises(UserError, match=r"config.json is damaged"):
        open_workdir(tmp_path, CONFIG)
