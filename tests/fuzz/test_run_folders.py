"""Folders of finished runs with files damaged, exchanged and gone, and what is made of them."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjax.compare import compare
from sdjax.config.errors import UserError
from sdjax.reports.scalars import Scalars, read_scalars
from sdjax.runs.finished import FinishedRun, read_run
from sdjax.runs.outputs import read_metrics
from sdjax.runs.run_folder import read_run_config
from sdjax.runs.workdir import open_workdir, read_config
from tests.fuzz.damage import BYTES, VALUES, damaged
from tests.fuzz.promise import FORMS, drawn, kept

FILES = ("config.json", "metrics.json", "views.npz", "metrics.jsonl")
SHAPES = st.lists(st.integers(0, 5), max_size=6).map(tuple)
ARRAYS = st.tuples(SHAPES, st.sampled_from(["u1", "f4", "i8", "U3", "?"]))
OTHERS = st.sampled_from(["gone", "folder", "loop", "dangling", "empty", "other"])
IN_JSON = st.tuples(st.sampled_from(FILES[:2]), st.lists(st.integers(0, 40), max_size=2), VALUES)
DAMAGES = st.lists(
    st.tuples(st.just("bytes"), st.sampled_from(FILES), BYTES)
    | st.tuples(st.just("json"), IN_JSON)
    | st.tuples(st.just("arrays"), ARRAYS, ARRAYS)
    | st.tuples(st.just("other"), st.sampled_from(FILES), OTHERS),
    min_size=1,
    max_size=3,
)


def write_run(folder: Path) -> None:
    """A finished run as `train` leaves it, without its checkpoints."""
    folder.mkdir(parents=True)
    views = np.arange(2 * 2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 2, 4, 4, 3)
    np.savez_compressed(folder / "views.npz", views=views, truths=views[:1])
    rows = [{"seed": seed, "object": "red", "psnr": 20.0} for seed in range(2)]
    metrics = {
        "prompt": "a mug", "views": 2, "objects": 1, "modes_found": 1, "psnr_mean": 20.0,
        "psnr_median": 20.0, "psnr_min": 19.0, "view_agreement_mean": 1.0, "diversity": 0.1,
        "seeds": rows, "steps_per_second": 3.0, "wall_time": 9.0,
    }  # fmt: skip
    (folder / "metrics.json").write_text(json.dumps(metrics))
    config = {"prompt": "a mug", "rule": {"name": "sds", "guidance_scale": 7.5}, "scene": {}}
    (folder / "config.json").write_text(json.dumps(config))
    lines = "".join(json.dumps({"step": step, "loss/sds": 0.5}) + "\n" for step in range(5))
    (folder / "metrics.jsonl").write_text(lines)


def damage_json(path, places, value):
    """One value of a table, at most two tables deep, replaced."""
    try:
        table = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return
    inner, key = {"all": table}, "all"
    for place in places:
        if isinstance(inner[key], dict) and inner[key]:
            inner, names = inner[key], list(inner[key])
            key = names[place % len(names)]
    inner[key] = value
    top = value if inner.get("all") is value and key == "all" else table
    path.write_text(json.dumps(top))


def replace_by(path, what):
    """Something that is no file of a run."""
    path.unlink(missing_ok=True) if not path.is_dir() else shutil.rmtree(path)
    if what == "folder":
        path.mkdir()
    elif what in ("loop", "dangling"):
        path.symlink_to(path if what == "loop" else path.with_name("nowhere"))
    elif what in ("empty", "other"):
        path.write_bytes(b"" if what == "empty" else b"{}")


def array(shape, dtype):
    return np.ones(shape, dtype)


def damage(folder, kind, *how):
    """One damage of `DAMAGES`."""
    if kind == "bytes":
        path, changes = folder / how[0], how[1]
        if path.is_file():
            path.write_bytes(damaged(path.read_bytes(), changes))
    elif kind == "json":
        name, places, value = how[0]
        damage_json(folder / name, places, value)
    elif kind == "arrays" and not (folder / "views.npz").is_dir():
        (folder / "views.npz").unlink(missing_ok=True)
        np.savez(folder / "views.npz", views=array(*how[0]), truths=array(*how[1]))
    elif kind == "other":
        replace_by(folder / how[0], how[1])


@pytest.fixture
def runs(tmp_path):
    """Makes a folder with a whole run and a damaged one."""
    numbers = itertools.count()

    def make(damages):
        folder = tmp_path / "given" / str(next(numbers))
        for name in ("damaged", "whole"):
            write_run(folder / name)
        for one in damages:
            damage(folder / "damaged", *one)
        return folder

    return make


@FORMS
def test_a_comparison_has_the_run_that_is_whole(cases, runs, tmp_path):
    @drawn(cases)
    @given(DAMAGES)
    def holds(damages):
        folder = runs(damages)
        result = kept(lambda: compare(folder), folder)
        if isinstance(result, UserError):  # the damaged one is whole, of another prompt or size
            assert "expected runs of one kind" in str(result)
        else:
            assert "| whole | SDS |" in (folder / "comparison.md").read_text(encoding="utf-8")
        shutil.rmtree(folder)

    holds()


@FORMS
def test_every_reader_has_a_value_or_a_sentence(cases, runs, tmp_path):
    @drawn(cases)
    @given(DAMAGES)
    def holds(damages):
        folder = runs(damages)
        one = folder / "damaged"
        result = kept(lambda: read_run(one), folder)
        assert isinstance(result, FinishedRun | UserError)
        for reader in (read_config, read_run_config, read_metrics):
            kept(lambda reader=reader: reader(one), folder)
        kept(lambda: open_workdir(one, {"prompt": "a mug"}), folder)
        shutil.rmtree(folder)

    holds()


@FORMS
def test_the_log_of_a_damaged_run_goes_on(cases, runs, tmp_path):
    @drawn(cases)
    @given(st.lists(st.tuples(st.just("bytes"), st.just(FILES[3]), BYTES), max_size=3))
    def holds(damages):
        folder = runs(damages)

        def goes_on():
            with Scalars(folder / "damaged", 3) as scalars:
                scalars.log(3, {"loss/sds": 0.25})
            return read_scalars(folder / "damaged")

        steps = [line["step"] for line in kept(goes_on, folder)]
        assert steps[-1] == 3 and all(step < 3 for step in steps[:-1])
        shutil.rmtree(folder)

    holds()


def test_a_run_without_damage_is_read(runs):
    folder = runs([])
    assert read_run(folder / "damaged").rule == "SDS"
    assert read_config(folder / "damaged").prompt == "a mug"


def test_a_value_is_replaced(runs):
    folder = runs([("json", ("config.json", [1, 0], "dsd")), ("json", ("metrics.json", [], []))])
    assert json.loads((folder / "damaged" / "config.json").read_text())["rule"]["name"] == "dsd"
    assert json.loads((folder / "damaged" / "metrics.json").read_text()) == []
