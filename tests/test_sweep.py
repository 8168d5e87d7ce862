"""Every rule trains on the embedded prior in 2D and 3D, and one command runs them all."""

import json
import os
import shutil
import subprocess
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.config.loading import rules_of
from sdjax.rules import RULES
from sdjax.runs.lock import only_run
from sdjax.runs.run_folder import read_run_config
from sdjax.runs.schema import load_config
from sdjax.runs.workdir import make_folder, read_config
from sdjax.sweep import sweep
from sdjax.train import train
from sdjax.train_all import is_trained, train_all
from tests.runs.commands import SDJAX
from tests.small_runs import CONFIGS, OBJECTS, contents

pytestmark = pytest.mark.usefixtures("quick_compilation")
FLAT = {
    "seeds": 2,
    "stages": {"steps": (2,), "resolution": (8,)},
    "run": {"chunk": 2, "devices": 1},
}
SOLID = OBJECTS | {
    "first_seed": 0,
    "stages": {"steps": (2,), "resolution": (8,), "grid": (6,)},
    "run": {"chunk": 2, "devices": 1},
}
SMALL = {"embedded_2d": FLAT, "embedded_3d": SOLID}
RUNS = [f"{task}:{rule}" for task in SMALL for rule in rules_of(task)]
QUICK = [name for name in RUNS if name.startswith("embedded_2d")]
QUICK.append("embedded_3d:cfd")  # differs most in 3D


def small(name):
    return load_config(name, SMALL[name.partition(":")[0]])


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_every_rule_trains(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in RUNS if name not in QUICK])
def test_every_other_rule_trains_in_3d(name, tmp_path):
    check(name, tmp_path)


def check(name, tmp_path):
    """Two steps of two seeds, and their pictures."""
    evaluation = train(small(name), tmp_path)
    assert evaluation.views.shape[0] == 2 and np.isfinite(evaluation.views).all()
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 2 and last["loss/guidance"] > 0.0


def folder_of(path, **changes):
    """A folder with two configurations, and two of other commands."""
    path.mkdir()
    text = (
        "from sdjax.runs.schema import load_config\n"
        "def get_config():\n"
        "    return load_config('embedded_2d:{rule}', {settings!r})\n"
    )
    for rule in ("sds", "fsd"):
        (path / f"{rule}.py").write_text(text.format(rule=rule, settings=FLAT | changes))
    for other in ("sample", "analysis/trajectories"):
        copy = path / f"{other.rpartition('/')[2]}.py"
        copy.write_text((CONFIGS / f"{other}.py").read_text())
    return path


def task_of(path, **changes):
    """A task with two rules."""
    path.write_text(
        "from sdjax.config.tasks import merged, parts_of, with_rule\n"
        "TASK = parts_of('embedded_2d')\n"
        "RULES = ('sds', 'fsd')\n"
        f"BASE = merged(TASK.base, {FLAT | changes})\n"
        "def get_config(rule='fsd'):\n"
        "    return with_rule(BASE, rule, RULES, TASK.deviations)\n"
    )
    return path


@pytest.mark.slow
def test_a_sweep_trains_all_compares_them_and_does_nothing_twice(tmp_path, capsys):
    """A task with all its rules, and a folder."""
    folders = [task_of(tmp_path / "first.py"), folder_of(tmp_path / "second", seeds=3)]
    assert sweep(folders, tmp_path / "out", ["rule.guidance_scale=1.0"]) == {}
    out = tmp_path / "out"
    runs = sorted(path.parent.relative_to(out) for path in out.rglob("config.json"))
    assert [str(run) for run in runs] == ["first/fsd", "first/sds", "second/fsd", "second/sds"]
    for run in runs:
        assert read_config(out / run).rule.name == run.name
    table = (out / "sweep.md").read_text()
    assert table.index("## first") < table.index("| fsd | FSD") < table.index("## second")
    assert table.count("| 1 |") == 4
    for rule in ("sds", "fsd"):
        assert json.loads((out / "second" / rule / "metrics.json").read_text())["seeds"][2:]
        first, both = Image.open(out / "first" / "comparison.png"), Image.open(out / f"{rule}.png")
        assert both.size[1] > first.size[1]
    before, _ = contents(out), capsys.readouterr()
    assert sweep(folders, out, ["rule.guidance_scale=1.0"]) == {}
    assert contents(out) == before and "==" not in capsys.readouterr().out


def test_a_run_that_another_process_has_is_left_to_it(tmp_path, monkeypatch, images_run, capsys):
    """The others are trained; whoever finds nothing left compares all."""

    def train_(config, folder, before):
        with only_run(make_folder(folder)):
            trained.append(folder.name)
            shutil.copytree(images_run, folder, dirs_exist_ok=True)
        return SimpleNamespace(metrics={})

    trained = []
    monkeypatch.setattr("sdjax.train_all.train", train_)
    configs, out = tmp_path / "configs", tmp_path / "out"
    configs.mkdir()
    stored = json.loads((images_run / "config.json").read_text())
    for name in ("first", "second", "third"):
        (configs / f"{name}.py").write_text(f"def get_config():\n    return {stored}\n")
    with only_run(make_folder(out / "configs" / "second")):
        assert sweep([configs], out) == {} and trained == ["first", "third"]
    assert not (out / "sweep.md").exists()
    told = "With other processes, of which the last to end compares all: configs/second."
    assert told in capsys.readouterr().out
    assert sweep([configs], out) == {} and trained == ["first", "third", "second"]
    assert (out / "sweep.md").read_text().count("| DSD |") == 3


@pytest.mark.parametrize("changes", [{}, {"run.devices": 4, "run.chunk": 9}])
def test_a_run_that_another_has_just_finished_is_not_trained(
    tmp_path, monkeypatch, images_run, changes
):
    """Between the look at it and the lock; on other devices too, but not with other settings."""
    config = load_config(read_run_config(images_run), changes)

    def finished_meanwhile(config, folder, before):
        shutil.copytree(images_run, folder, dirs_exist_ok=True)
        return train(config, folder, before=before)

    monkeypatch.setattr("sdjax.train_all.train", finished_meanwhile)
    assert train_all({"run": config}, tmp_path) == ({}, [])
    for path, content in contents(images_run).items():
        assert (tmp_path / "run" / path.relative_to(images_run)).read_bytes() == content
    assert not is_trained(load_config(config, {"seeds": 8}), tmp_path / "run")


@pytest.mark.slow
def test_processes_divide_the_runs_of_a_sweep(tmp_path):
    """Of two that know nothing of each other: every run is trained once, and all are compared."""
    task = task_of(tmp_path / "task.py")
    command = [*SDJAX, "sweep", f"--configs={task}", f"--workdir={tmp_path / 'out'}"]
    environment = os.environ | {
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
    }
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    told = "".join(process.communicate(timeout=300)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert told.count("writing pictures") == 2
    table = (tmp_path / "out" / "sweep.md").read_text()
    assert "| sds | SDS |" in table and "| fsd | FSD |" in table


@pytest.mark.slow
def test_a_run_that_fails_costs_the_others_nothing(tmp_path):
    folder = folder_of(tmp_path / "rules")
    config = (folder / "sds.py").read_text()
    (folder / "sds.py").write_text(config.replace("'devices': 1", "'devices': 99"))
    failures = sweep([folder], tmp_path / "out")
    assert list(failures) == ["rules/sds"] and "99 devices" in failures["rules/sds"]
    assert "FSD" in (tmp_path / "out" / "sweep.md").read_text()
    assert (tmp_path / "out" / "fsd.png").exists() and not (tmp_path / "out" / "sds.png").exists()


@pytest.mark.parametrize(
    ("folders", "overrides", "sentence"),
    [
        (["nowhere"], [], "There is no configuration file nowhere"),
        (
            ["demo"],
            [],
            "demo.py is no task, expected a file that takes a rule, such as embedded_2d",
        ),
        (["{empty}"], [], "empty holds no configuration of sdjax.train."),
        (["{broken}"], [], "common.py failed: SyntaxError"),
        (["{rules}", "{rules}"], [], "has two of one name, expected different ones."),
        (["embedded_2d", "embedded_2d"], [], "=embedded_2d, embedded_2d has two of one name"),
        (["{rules}"], ["seeds=0"], "rules, fsd: config.seeds is 0, expected a whole number"),
        (["embedded_2d"], ["seeds=0"], "embedded_2d.py, sds: config.seeds is 0, expected a whole"),
        (["embedded_2d"], ["run.process=1"], "sds: config.run.process is 1, expected None where"),
        (["embedded_3d"], ["prompt=a chiar"], 'unknown prompt "a chiar"'),
        (["{rules}"], ["seed=3"], "config.seed is not a field; the nearest is config.first_seed"),
    ],
)
def test_bad_input_is_told_before_anything_is_trained(folders, overrides, sentence, tmp_path):
    folder_of(tmp_path / "rules")
    for name in ("empty", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "common.py").write_text("an error")
    made = {name: tmp_path / name for name in ("rules", "empty", "broken")}
    with pytest.raises(UserError) as caught:
        sweep([folder.format(**made) for folder in folders], tmp_path / "out", overrides)
    assert sentence in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["views.npz", "metrics.json", "config.json"])
def test_a_run_whose_files_are_damaged_is_trained_again(tmp_path, monkeypatch, images_run, damage):
    """Which writes its results anew; what `train` refuses is a failure and costs no others."""

    def refuse(config, folder, before):
        trained.append(folder.name)
        raise UserError("the folder is damaged.")

    trained = []
    monkeypatch.setattr("sdjax.train_all.train", refuse)
    path = tmp_path / "little" / "rule.py"
    path.parent.mkdir()
    stored = json.loads((images_run / "config.json").read_text())
    path.write_text(f"def get_config():\n    return {stored}\n")
    run = tmp_path / "out" / "little" / "rule"
    run.mkdir(parents=True)
    for name in ("config.json", "metrics.json", "views.npz"):
        (run / name).write_bytes((images_run / name).read_bytes())
    assert sweep([path.parent], tmp_path / "out") == {} and trained == []
    (run / damage).write_bytes(b"[")
    assert sweep([path.parent], tmp_path / "out") == {"little/rule": "the folder is damaged."}
    assert trained == ["rule"] and (tmp_path / "out" / "sweep.md").read_text() == ""


def test_every_rule_has_a_run():
    assert {name.rpartition(":")[2] for name in RUNS} == set(RULES) - {"vsd"} | {"sdi_inverted"}


def test_a_configuration_that_says_little_is_a_run(tmp_path, monkeypatch):
    """All the rest has its default."""
    trained = []

    def note(config, folder, before):
        trained.append((config, folder))
        return SimpleNamespace(metrics={})

    monkeypatch.setattr("sdjax.train_all.train", note)
    (tmp_path / "little").mkdir()
    for name, table in {"rule": {"rule": {"name": "fsd"}}, "other": {"prompt": "a chair"}}.items():
        path = tmp_path / "little" / f"{name}.py"
        path.write_text(f"def get_config():\n    return {table}\n")
    sweep([tmp_path / "little"], tmp_path / "out")
    ((config, folder),) = trained
    assert config == load_config({"rule": {"name": "fsd"}})
    assert folder == tmp_path / "out" / "little" / "rule"


def test_folders_in_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "tasks").mkdir()
    (tmp_path / "mine.py").write_text("def get_config(): return {}")
    for source, sentence in (("tasks", "tasks holds no configuration"), ("mine.py", "is no task")):
        with pytest.raises(UserError, match=rf"--configs={tmp_path}/.*{sentence}"):
            sweep([f"~/{source}"], tmp_path / "runs")


@pytest.mark.parametrize(
    ("sources", "overrides", "sentence"),
    [
        ([""], {}, "--configs is empty, expected tasks such as embedded_2d"),
        ([], {}, "--configs is empty"),
        (["embedded_2d"], {"rule.name": "sds"}, "a sweep trains every rule; for one rule take"),
    ],
)
def test_a_sweep_of_nothing_or_of_one_rule_is_refused(tmp_path, sources, overrides, sentence):
    (tmp_path / "sweep.md").write_text("kept")
    with pytest.raises(UserError, match=sentence):
        sweep(sources, tmp_path, overrides)
    assert (tmp_path / "sweep.md").read_text() == "kept"
