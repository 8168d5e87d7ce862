"""The train command from end to end, on runs of a few steps."""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trimesh
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.objects.prompts import find
from sdjax.reports.evaluation import load_views
from sdjax.reports.scalars import read_scalars
from sdjax.runs import loop
from sdjax.runs.watch import Watch
from sdjax.sample import sample
from sdjax.train import COMMAND, train
from tests.runs.small_pictures import pictures
from tests.small_runs import (
    CONFIGS,
    OBJECTS,
    SEEDS,
    contents,
    images_config,
    objects_config,
    run_objects,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_a_run_of_objects_leaves_its_files(objects_run):
    names = {"checkpoints", "config.json", "metrics.json", "metrics.jsonl", "sheet.png"}
    names |= {"tensorboard", "views.npz", "seed_3", "seed_4"}
    assert {path.name for path in objects_run.iterdir()} == names
    for seed in SEEDS:
        with Image.open(objects_run / f"seed_{seed}" / "turntable.gif") as film:
            assert film.n_frames == 3
        mesh = trimesh.load(objects_run / f"seed_{seed}" / "mesh.glb", force="mesh")
        assert mesh.is_watertight and np.abs(mesh.vertices).max() <= 1.01


def test_the_metrics_of_objects(objects_run):
    metrics = metrics_of(objects_run)
    names = {obj.name for obj in find("a house")}
    assert (metrics["prompt"], metrics["views"], metrics["objects"]) == ("a house", 3, 8)
    assert [row["seed"] for row in metrics["seeds"]] == list(SEEDS)
    for row in metrics["seeds"]:
        assert row["object"] in names
        assert 5 < row["psnr"] < 50 and 0 <= row["view_agreement"] <= 1
    assert metrics["modes_found"] == len({row["object"] for row in metrics["seeds"]})
    assert metrics["psnr_min"] <= metrics["psnr_mean"] <= 50
    assert 0 < metrics["time_to_first_step"] < metrics["wall_time"]
    assert metrics["steps_per_second"] > 0
    assert set(metrics["meshes"]) == {"seed_3", "seed_4"}
    assert "agreement_with_ddim" not in metrics and "resumed_at" not in metrics


def test_the_sheet_of_objects_has_a_row_per_seed(objects_run):
    width, height = Image.open(objects_run / "sheet.png").size
    row, column = 2 * 16 + 6, 2 * 16 + 6
    assert 2 * row < height < 2 * row + 100
    assert 6 * column < width < 6 * column + 100  # three views, and three of the nearest object


def test_the_views_are_those_of_the_metrics(objects_run):
    views, truths = load_views(objects_run / "views.npz")
    assert views.shape == (2, 3, 16, 16, 3) and truths.shape == (8, 3, 16, 16, 3)
    error = ((views[0] / 255.0 - truths / 255.0) ** 2).mean((1, 2, 3, 4)).min()
    assert -10 * np.log10(error) == pytest.approx(
        metrics_of(objects_run)["seeds"][0]["psnr"], abs=0.1
    )


def test_every_chunk_is_logged_once(objects_run):
    lines = read_scalars(objects_run)
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10]
    assert all(np.isfinite(line["loss/guidance"]) for line in lines)
    assert list((objects_run / "tensorboard").iterdir())


@pytest.mark.slow
def test_a_run_of_images(images_run):
    metrics = metrics_of(images_run)
    assert (metrics["views"], metrics["objects"], len(metrics["seeds"])) == (1, 8, 9)
    assert "meshes" not in metrics and not list(images_run.glob("seed_*"))
    width, height = Image.open(images_run / "sheet.png").size
    assert 8 * 22 < width < 8 * 22 + 150 and 3 * 22 < height < 3 * 22 + 50


@pytest.mark.slow
def test_images_are_compared_with_samples_from_the_same_noise(images_run, tmp_path):
    samples = sample("sample", tmp_path, {"seeds": 9, "resolution": 16, "guidance_scale": 1.0})
    metrics = metrics_of(images_run)
    ours, theirs = ([row["object"] for row in m["seeds"]] for m in (metrics, samples.metrics))
    same = [one == other for one, other in zip(ours, theirs, strict=True)]
    assert metrics["agreement_with_ddim"] == round(sum(same) / 9, 3)
    views, _ = load_views(images_run / "views.npz")
    squares = np.square(views / 255.0 - samples.views).mean(axis=(1, 2, 3, 4))
    assert metrics["rms_to_ddim"] == pytest.approx(np.sqrt(squares).mean(), abs=2e-3)
    assert len(set(theirs)) > 2  # so that few agree by chance


@pytest.mark.slow
def test_a_finished_run_writes_its_pictures_again_without_training(objects_run, capsys):
    before = contents(objects_run)
    (objects_run / "sheet.png").unlink()
    (objects_run / "seed_3" / "mesh.glb").unlink()
    run_objects(objects_run)
    after = contents(objects_run)
    assert set(after) == set(before)
    assert {path.name for path in before if before[path] != after[path]} <= {"mesh.glb"}
    said = capsys.readouterr().out
    assert "compiling" not in said and "writing pictures" in said


@pytest.mark.slow
def test_a_finished_run_is_reported_at_other_settings(objects_run, tmp_path, capsys):
    """What was measured of its training stays."""
    folder = shutil.copytree(objects_run, tmp_path / "run")
    others = {"views": 2, "frames": 4, "mesh_resolution": 20}
    evaluation = train(objects_config(), folder, {"report": others | {"mesh_format": "ply"}})
    assert "compiling" not in capsys.readouterr().out
    assert evaluation.views.shape == (2, 2, 16, 16, 3)
    before, after = metrics_of(objects_run), metrics_of(folder)
    for name in ("steps_per_second", "time_to_first_step", "wall_time"):
        assert after[name] == before[name]
    assert (after["views"], before["views"]) == (2, 3)
    with Image.open(folder / "seed_3" / "turntable.gif") as film:
        assert film.n_frames == 4
    fine = trimesh.load(folder / "seed_3" / "mesh.ply", force="mesh")
    coarse = trimesh.load(objects_run / "seed_3" / "mesh.glb", force="mesh")
    assert len(fine.faces) > 2 * len(coarse.faces)
    assert json.loads((folder / "config.json").read_text())["report"]["views"] == 2


LONGER = {
    "a longer last stage": {"steps": (6, 7), "resolution": (8, 16), "grid": (6, 8)},
    "a further stage": {"steps": (6, 4, 3), "resolution": (8, 16, 8), "grid": (6, 8, 10)},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LONGER)
def test_a_finished_run_goes_on(objects_run, tmp_path, capsys, name):
    folder = shutil.copytree(objects_run, tmp_path / "run")
    evaluation = train(objects_config(), folder, {"stages": LONGER[name]})
    said = capsys.readouterr().out
    assert said.startswith("going on after 10 of now 13 steps\nresuming after 10 of 13 steps\n")
    assert metrics_of(folder)["resumed_at"] == 10
    former = json.loads((folder / "metrics_10.json").read_text())
    assert former == metrics_of(objects_run)
    lines = read_scalars(folder)
    assert [line["step"] for line in lines] == [2, 4, 6, 8, 10, 12, 13]
    assert lines[:5] == read_scalars(objects_run)
    assert evaluation.views.shape == (2, 3, 16, 16, 3)
    before, _ = load_views(objects_run / "views.npz")
    assert np.abs(evaluation.views - before / 255.0).max() > 0.02
    again = train(objects_config(), folder, {"stages": LONGER[name]})
    np.testing.assert_array_equal(again.views, evaluation.views)
    with pytest.raises(UserError, match=r"config.stages.steps is .* there and \(6, 4\) here"):
        train(objects_config(), folder)


FURTHER = {
    "in one stage": {"steps": (8,), "resolution": (8,), "grid": (2,)},
    "in a stage of their own": {"steps": (4, 4), "resolution": (8, 8), "grid": (2, 2)},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FURTHER)
def test_steps_that_follow_are_those_of_a_longer_run(tmp_path, name):
    """Bit for bit where nothing depends on the part of the run that is done, as in plain SDS."""
    train(pictures(seeds=3), tmp_path / "parts")
    parts = train(pictures(seeds=3, stages=FURTHER[name]), tmp_path / "parts")
    whole = train(pictures(seeds=3, stages=FURTHER["in one stage"]), tmp_path / "whole")
    np.testing.assert_array_equal(parts.views, whole.views)
    logged = [read_scalars(tmp_path / folder) for folder in ("parts", "whole")]
    assert logged[0] == logged[1] and [line["step"] for line in logged[0]] == [2, 4, 6, 8]


@pytest.mark.slow
def test_an_interruption_on_the_further_way_loses_nothing(tmp_path, monkeypatch):
    train(pictures(), tmp_path / "parts")
    further = pictures(stages=FURTHER["in one stage"])

    def die(self, chunk):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Watch, "__call__", die)
        train(further, tmp_path / "parts")
    assert not (tmp_path / "parts" / "metrics.json").exists()
    parts, whole = (train(further, tmp_path / folder) for folder in ("parts", "whole"))
    np.testing.assert_array_equal(parts.views, whole.views)


ONE_STAGE = {"stages": {"steps": (2,), "resolution": (8,), "grid": (6,)}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "rule", "small"),
    [("demo", "sds", OBJECTS | ONE_STAGE), ("embedded_2d:sdi", "fsd", ONE_STAGE)],
)
def test_another_rule_trains_by_its_name_alone(source, rule, small, tmp_path):
    train(source, tmp_path, small | {"seeds": 1, "rule.name": rule})
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored["rule"]["name"] == rule and stored["noise"]["name"] != "none"
    assert read_scalars(tmp_path)[-1]["loss/guidance"] > 0.0


BAD = [
    ({"prompt": "a spaceship"}, 'unknown prompt "a spaceship"'),
    ({"prompt": "a transparent house"}, 'no house is "transparent"'),
    ({"rule.name": "sdss"}, "config.rule.name is 'sdss', expected one of sds, sjc"),
    (
        {"rule.guidance": 3.0},
        "config.rule.guidance is not a field when config.rule.name is 'dsd'; the nearest is "
        "config.rule.guidance_scale.",
    ),
    ({"seeds": 2.5}, "config.seeds is 2.5, expected a whole number"),
    ({"seeds": 0}, "config.seeds is 0, expected a whole number of at least 1"),
    ({"seeds": -4}, "config.seeds is -4, expected a whole number of at least 1"),
    ({"stages.steps": (0, 4)}, "config.stages.steps is (0, 4), expected one or more values"),
    ({"stages.steps": (-1, 4)}, "config.stages.steps is (-1, 4), expected one or more values"),
    ({"stages.steps": (4,)}, "config.stages has 2 grid, 2 resolution, 1 steps, expected as many"),
    ({"stages.resolution": (8, 0)}, "config.stages.resolution is (8, 0), expected one or more"),
    ({"stages.resolution": (8, 12)}, "config.stages.resolution has 8, expected divisors of 12"),
    ({"annealing.t_min": 0.99}, "config.annealing.t_min is 0.99, expected at most"),
    ({"run.devices": 99}, "99 devices were asked for, but there are 8"),
    (
        {"losses.convexity": 1.0, "stages.resolution": (4, 8)},
        "config.stages.resolution has 4, expected multiples of 8",
    ),
    ({"first_seed": 7}, "config.first_seed is 3 there and 7 here"),
    ({"stages.steps": (6, 3)}, "config.stages.steps is (6, 4) there and (6, 3) here"),
    ({"stages.steps": (7, 9)}, "config.stages.steps is (6, 4) there and (7, 9) here"),
    ({"stages.grid": (6, 9)}, "config.stages.grid is (6, 8) there and (6, 9) here"),
]


@pytest.mark.parametrize(("overrides", "sentence"), BAD)
def test_bad_input_is_one_sentence_and_loses_nothing(objects_run, overrides, sentence):
    before = contents(objects_run)
    with pytest.raises(UserError) as caught:
        train(objects_config(), objects_run, overrides)
    assert sentence in str(caught.value)
    assert contents(objects_run) == before


def test_images_have_no_regularisers(tmp_path):
    with pytest.raises(UserError, match=r"config.losses.opaque is 0.5, expected 0 where"):
        train(images_config(), tmp_path, {"losses.opaque": 0.5})


def test_dsd_star_draws_images_only(tmp_path):
    config = objects_config().to_dict() | {"rule": {"name": "dsd_star", "guidance_scale": 1.0}}
    with pytest.raises(UserError, match=r"config.rule.name is 'dsd_star', which samples one image"):
        train(config, tmp_path)


def test_a_workdir_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UserError, match="cannot be written"):
        train(objects_config(), tmp_path / "file" / "run")
    with pytest.raises(UserError, match="is a file, expected a folder"):
        train(objects_config(), tmp_path / "file")
    assert contents(tmp_path) == {tmp_path / "file": b"kept"}


@pytest.mark.slow
def test_where_all_seeds_become_nan_the_run_stops_and_keeps_its_checkpoints(tmp_path):
    rate = {"optimizer.learning_rate": 1e30, "optimizer.final": 1.0}
    steps = {"stages.steps": (40,), "run.chunk": 1, "run.checkpoint_every": 1}
    with pytest.raises(
        UserError, match=r"seed \d at step \d+ \(.*\) became infinite or NaN, and so"
    ):
        train(images_config(), tmp_path, rate | steps)
    assert (tmp_path / "checkpoints" / "1").is_dir()
    assert not (tmp_path / "metrics.json").exists()


@pytest.mark.filterwarnings("ignore:seed 1 at step 0")
def test_a_seed_that_becomes_nan_is_left_out_and_told(tmp_path, monkeypatch, capsys):
    first = loop.first_particle

    def spoiled(recipe, prior, conditioning, seed, shared):
        particle = first(recipe, prior, conditioning, seed, shared)
        factor = jnp.where(seed == 1, jnp.nan, 1.0)
        spoil = lambda leaf: leaf * factor if leaf.dtype == jnp.float32 else leaf  # noqa: E731
        return particle._replace(params=jax.tree.map(spoil, particle.params))

    monkeypatch.setattr(loop, "first_particle", spoiled)
    values = SimpleNamespace(config=images_config(seeds=3), workdir=str(tmp_path), config_field=())
    assert COMMAND.main(values) == 3
    told = json.loads((tmp_path / "metrics.json").read_text())
    assert told["failed"] == [{"seed": 1, "step": 0, "term": "guidance"}]
    assert [row["seed"] for row in told["seeds"]] == [0, 2]
    assert load_views(tmp_path / "views.npz")[0].shape[0] == 2
    assert "left out: seed 1 at step 0 (guidance)" in capsys.readouterr().out


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "sdjax.train", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--config.prompt=a spaceship"], 'unknown prompt "a spaceship"'),
        (["--config.stages.steps=0,0"], "config.stages.steps is (0, 0)"),
        (["--config.run.devices=99"], "99 devices were asked for, but there are"),
    ],
)
def test_the_command_ends_with_one_line_and_exit_code_2(tmp_path, arguments, sentence):
    done = command(f"--config={CONFIGS / 'demo.py'}", f"--workdir={tmp_path / 'run'}", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("sdjax: error: ") and sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
