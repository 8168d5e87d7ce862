"""Which runs a folder takes: the same again, further steps of a finished one, and no others."""

import functools
import json

import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.run_folder import check_same_run, open_run_folder, read_run_config
from sdjax.runs.schema import load_config
from sdjax.runs.workdir import read_config
from tests.small_runs import contents, objects_config


def config_of(steps=(6, 4), resolution=(8, 16), grid=(6, 8), **overrides):
    table = {"steps": steps, "resolution": resolution, "grid": grid}
    return objects_config(**{"stages": table, **overrides})


@pytest.fixture(params=[False, True], ids=["unfinished", "finished"])
def folder(request, tmp_path):
    """Of a run of 6 + 4 steps."""
    make(tmp_path, request.param)
    return tmp_path


@pytest.fixture
def finished(tmp_path):
    make(tmp_path, True)
    return tmp_path


@pytest.fixture
def unfinished(tmp_path):
    make(tmp_path, False)
    return tmp_path


def make(folder, is_finished):
    open_run_folder(folder, config_of())
    (folder / "checkpoints").mkdir()
    if is_finished:
        (folder / "metrics.json").write_text('{"psnr_mean": 30.0}')


def test_a_new_folder_gets_the_whole_configuration(tmp_path, capsys):
    open_run_folder(tmp_path / "runs" / "x", config_of())
    assert read_run_config(tmp_path / "runs" / "x") == config_of()
    assert [path.name for path in (tmp_path / "runs" / "x").iterdir()] == ["config.json"]
    assert capsys.readouterr().out == ""


def test_the_same_run_is_reopened(folder, capsys):
    before = contents(folder)
    open_run_folder(folder, config_of())
    assert contents(folder) == before and capsys.readouterr().out == ""


def test_devices_and_reports_may_differ(folder):
    config = config_of(**{"run.chunk": 5, "run.devices": 2, "report.frames": 7, "report.views": 9})
    open_run_folder(folder, config)
    assert read_run_config(folder) == config


@pytest.mark.parametrize(
    "longer",
    [
        {"steps": (6, 5)},
        {"steps": (6, 400)},
        {"steps": (6, 4, 1), "resolution": (8, 16, 16), "grid": (6, 8, 9)},
        {"steps": (6, 9, 3), "resolution": (8, 16, 8), "grid": (6, 8, 8)},
        {"steps": (6, 4, 1, 1), "resolution": (8, 16, 4, 16), "grid": (6, 8, 8, 8)},
    ],
)
def test_a_finished_run_takes_further_steps(finished, longer, capsys):
    """Its metrics so far are kept under the steps that they are of."""
    config = config_of(**longer)
    open_run_folder(finished, config)
    total = sum(longer["steps"])
    assert capsys.readouterr().out == f"going on after 10 of now {total} steps\n"
    assert read_run_config(finished) == config
    names = {path.name for path in finished.iterdir()}
    assert names == {"config.json", "checkpoints", "metrics_10.json"}
    assert json.loads((finished / "metrics_10.json").read_text()) == {"psnr_mean": 30.0}
    before = contents(finished)
    open_run_folder(finished, config)  # what was interrupted on its further way
    assert contents(finished) == before


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"steps": (6, 3)}, "config.stages.steps is (6, 4) there and (6, 3) here"),
        ({"steps": (5, 9)}, "config.stages.steps is (6, 4) there and (5, 9) here"),
        ({"steps": (7, 4)}, "config.stages.steps is (6, 4) there and (7, 4) here"),
        (
            {"steps": (10,), "resolution": (16,), "grid": (8,)},
            "config.stages.steps is (6, 4) there and (10,) here",
        ),
        (
            {"steps": (6, 2, 9), "resolution": (8, 16, 16), "grid": (6, 8, 8)},
            "config.stages.steps is (6, 4) there and (6, 2, 9) here",
        ),
        (
            {"steps": (6, 9), "grid": (6, 9)},
            "config.stages.grid is (6, 8) there and (6, 9) here",
        ),
        (
            {"steps": (6, 9), "resolution": (4, 16)},
            "config.stages.resolution is (8, 16) there and (4, 16) here",
        ),
        (  # the noise of its particles is that of 16 pixels
            {"steps": (6, 4, 1), "resolution": (8, 16, 32), "grid": (6, 8, 8)},
            "config.stages.resolution is (8, 16) there and (8, 16, 32) here",
        ),
        (
            {"steps": (6, 9), "rule.delta": 0.2},
            "config.rule.delta is 0.1 there and 0.2 here",
        ),
    ],
)
def test_other_steps_are_refused_and_change_nothing(finished, other, named):
    before = contents(finished)
    with pytest.raises(UserError) as caught:
        open_run_folder(finished, config_of(**other))
    assert named in str(caught.value) and str(caught.value).endswith("choose another --workdir.")
    assert contents(finished) == before


def test_a_run_that_is_not_finished_takes_no_further_steps(unfinished):
    before = contents(unfinished)
    with pytest.raises(UserError, match=r"config.stages.steps is \(6, 4\) there and \(6, 9\) here"):
        open_run_folder(unfinished, config_of(steps=(6, 9)))
    assert contents(unfinished) == before


def test_a_folder_of_something_else_is_no_run(tmp_path):
    with pytest.raises(UserError, match=r"holds no run \(config.json is missing\)"):
        read_run_config(tmp_path)
    (tmp_path / "config.json").write_text('{"prompt": "a chair", "steps": 3}')
    with pytest.raises(UserError, match=r"holds no run of sdjax\.train\."):
        read_run_config(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seeds": 0}, "config.json: config.seeds is 0, expected a whole number of at least 1."),
        ({"rule": "dsd"}, "config.json: config.rule is 'dsd', expected a table of fields."),
        ({"sneak": 1}, "config.json: config.sneak is not a field; the nearest is config."),
    ],
)
def test_a_stored_configuration_that_is_damaged_names_its_file(finished, change, sentence):
    stored = read_config(finished).to_dict() | change
    (finished / "config.json").write_text(json.dumps(stored))
    for action in (read_run_config, lambda path: open_run_folder(path, config_of())):
        with pytest.raises(UserError) as caught:
            action(finished)
        assert sentence in str(caught.value)


def test_a_run_of_a_former_version_lacks_later_fields(finished):
    """They have their defaults; the whole is written when the run is reopened."""
    stored = read_config(finished).to_dict()
    del stored["losses"]["normal_smoothness_3d"], stored["gradient"]
    (finished / "config.json").write_text(json.dumps(stored))
    assert read_run_config(finished) == config_of()
    open_run_folder(finished, config_of())
    assert read_config(finished) == config_of()
    with pytest.raises(UserError, match=r"losses.normal_smoothness_3d is 0.0 there and 0.5 here"):
        open_run_folder(finished, config_of(**{"losses.normal_smoothness_3d": 0.5}))


def test_another_command_may_not_take_the_folder(finished):
    with pytest.raises(UserError, match="holds a run with another configuration"):
        open_run_folder(finished, load_config("embedded_2d"))


def test_checkpoints_know_their_run_where_its_configuration_is_gone(tmp_path):
    """A chair is not served as a tree."""
    config = config_of()
    open_run_folder(tmp_path, config)
    with Checkpoints(tmp_path / "checkpoints", config=config.to_dict()) as checkpoints:
        checkpoints.save(2, {"x": np.ones(3)})
    (tmp_path / "config.json").unlink()
    before = contents(tmp_path)
    with pytest.raises(UserError, match=r"checkpoints/2 is of a run with another.*'a house'"):
        open_run_folder(tmp_path, config_of(prompt="a tree"))
    assert contents(tmp_path) == before
    open_run_folder(tmp_path, config_of(**{"report.frames": 7}))
    assert read_run_config(tmp_path) == config_of(**{"report.frames": 7})


def test_a_checkpoint_of_another_run_is_refused_as_it_is_read(tmp_path):
    with Checkpoints(tmp_path, config=config_of(prompt="a chair").to_dict()) as checkpoints:
        checkpoints.save(2, {"x": np.ones(3)})
    check = functools.partial(check_same_run, config_of(prompt="a tree"))
    refused = pytest.raises(UserError, match=r"prompt is 'a chair' there and 'a tree' here")
    with Checkpoints(tmp_path, check=check) as checkpoints, refused:
        checkpoints.restore_latest(lambda step: {"x": np.ones(3)})
    assert (tmp_path / "2").is_dir()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1, 2]", b"null", b"\xff\xfe\x00", b'{"stages": 3}', b"[" * 100_000]
)
def test_a_damaged_configuration_is_one_sentence_and_loses_nothing(unfinished, content):
    (unfinished / "config.json").write_bytes(content)
    before = contents(unfinished)
    with pytest.raises(UserError, match=r"config\.json|holds a run with another configuration"):
        open_run_folder(unfinished, config_of())
    assert contents(unfinished) == before
