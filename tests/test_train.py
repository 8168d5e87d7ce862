"""The train command from end to end, on runs of a few steps."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import trimesh
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.objects.prompts import find
from sdjax.reports.evaluation import load_views
from sdjax.reports.scalars import read_scalars
from sdjax.train import train
from tests.small_runs import (
    CONFIGS,
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
    assert metrics["modes_found"] in (1, 2)
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


def test_a_run_of_images(images_run):
    metrics = metrics_of(images_run)
    assert (metrics["views"], metrics["objects"], len(metrics["seeds"])) == (1, 8, 9)
    assert 0 <= metrics["agreement_with_ddim"] <= 1
    assert "meshes" not in metrics and not list(images_run.glob("seed_*"))
    width, height = Image.open(images_run / "sheet.png").size
    assert 8 * 22 < width < 8 * 22 + 150 and 3 * 22 < height < 3 * 22 + 50


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


BAD = [
    ({"prompt": "a spaceship"}, 'unknown prompt "a spaceship"'),
    ({"prompt": "a transparent house"}, 'no house is "transparent"'),
    ({"rule.name": "sdss"}, "config.rule.name is 'sdss', expected one of sds, sjc"),
    ({"rule.guidance": 3.0}, "config.rule.guidance is not a field; the nearest is config.rule."),
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


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_its_checkpoints(tmp_path):
    rate = {"optimizer.learning_rate": 1e30, "optimizer.final": 1.0}
    steps = {"stages.steps": (40,), "run.chunk": 1, "run.checkpoint_every": 1}
    with pytest.raises(UserError, match=r"the loss 'guidance' of seed \d is (nan|inf) at step"):
        train(images_config(), tmp_path, rate | steps)
    assert (tmp_path / "checkpoints" / "1").is_dir()
    assert not (tmp_path / "metrics.json").exists()


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
