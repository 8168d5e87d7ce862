"""What is written of an evaluation, and what becomes of a particle without a surface."""

import json
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.reports.evaluation import judge, load_views, summary
from sdjax.reports.sheets import sheet
from sdjax.runs import loop, outputs
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.run import open_run
from tests.small_runs import objects_config

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def trained(objects_run):
    run = open_run(objects_config())
    with Checkpoints(objects_run / "checkpoints") as checkpoints:
        return run, loop.restore(run, checkpoints)[1]


def evaluation_of(particles, views, size=8):
    """Particle k is object k % 3 but for its last view."""
    truths = np.random.default_rng(0).random((3, views, size, size, 3), dtype=np.float32)
    shown = truths[np.arange(particles) % 3]
    shown[1, -1] = truths[2, -1]
    return judge(shown, truths, ["mug", "cup", "jug"], range(10, 10 + particles))


def test_the_numbers_of_an_evaluation():
    metrics = evaluation_of(4, views=4).metrics
    assert [row["seed"] for row in metrics["seeds"]] == [10, 11, 12, 13]
    assert [row["object"] for row in metrics["seeds"]] == ["mug", "cup", "jug", "mug"]
    assert [row["view_agreement"] for row in metrics["seeds"]] == [1.0, 0.75, 1.0, 1.0]
    assert (metrics["modes_found"], metrics["objects"], metrics["views"]) == (3, 3, 4)
    assert metrics["psnr_min"] == metrics["seeds"][1]["psnr"] < metrics["psnr_median"] == 100
    assert metrics["psnr_mean"] == pytest.approx((300 + metrics["psnr_min"]) / 4, abs=0.01)


def test_a_summary_is_one_line():
    evaluation = evaluation_of(4, views=4)
    assert summary(evaluation).startswith("3 of 3 objects found by 4 seeds; PSNR ")
    assert summary(evaluation).endswith(" at least; 94% of the views agree")
    assert summary(evaluation_of(4, views=1)).endswith(" at least")


@pytest.mark.parametrize(("views", "rows", "columns"), [(1, 3, 8), (2, 9, 4), (16, 9, 8)])
def test_a_sheet_shows_every_particle(views, rows, columns):
    scale = 1 if views == 1 else 2
    height, width, _ = sheet(evaluation_of(9, views)).shape
    assert rows * (8 * scale + 6) < height < rows * (8 * scale + 6) + 160
    assert columns * (8 * scale + 6) < width < columns * (8 * scale + 6) + 140


def test_pictures_and_metrics_are_written(tmp_path, capsys):
    evaluation = evaluation_of(3, views=2)
    outputs.write_pictures(tmp_path, evaluation)
    assert outputs.read_metrics(tmp_path) == {}
    done = outputs.finish(tmp_path, evaluation, {"wall_time": 1.5})
    assert (
        outputs.read_metrics(tmp_path) == done.metrics == {**evaluation.metrics, "wall_time": 1.5}
    )
    assert json.loads((tmp_path / "metrics.json").read_text()) == done.metrics
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.json", "sheet.png", "views.npz"}
    for stored, given in zip(load_views(tmp_path / "views.npz"), evaluation[:2], strict=True):
        np.testing.assert_allclose(stored / 255, given, atol=0.51 / 255)
    assert str(tmp_path / "sheet.png") in capsys.readouterr().out


def test_a_particle_without_a_surface_costs_the_others_nothing(trained, tmp_path, capsys):
    run, particles = trained
    grid = jnp.asarray(particles.params["field"]["grid"]).at[0, ..., 0].set(-10.0)
    empty = particles._replace(params={**particles.params, "field": {"grid": grid}})
    told = outputs.write_meshes(run, empty, tmp_path)
    assert "the scene is empty" in told["seed_3"] and told["seed_4"].endswith(" faces")
    assert [path.name for path in tmp_path.rglob("mesh.*")] == ["mesh.glb"]
    assert capsys.readouterr().out.startswith("no mesh of seed 3: ")


def test_films_are_written_without_a_warning_about_forks(trained, tmp_path):
    run, particles = trained
    film = objects_config(**{"report.turntable_format": "mp4"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = outputs.write_turntables(run._replace(config=film), particles, tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "seed_3/turntable.mp4",
        "seed_4/turntable.mp4",
    ]
    assert all(path.stat().st_size > 500 for path in paths)
