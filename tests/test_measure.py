"""`sdjax measure` as a whole: what it trains, what it leaves, and how it goes on."""

import json

import numpy as np
import pytest
from PIL import Image

from sdjax import measure as command
from sdjax.config.errors import UserError
from sdjax.evaluation import samples
from sdjax.evaluation.asked import Asked
from sdjax.evaluation.schema import load_config
from sdjax.evaluation.truths import Variants, bank_of
from sdjax.files.whole_files import write_json
from sdjax.measure import measure
from sdjax.reports.evaluation import describe, save_views
from sdjax.runs.evaluate import held_out_cameras
from sdjax.runs.signals import InterruptedRunError
from sdjax.runs.workdir import make_folder, open_workdir
from tests.evaluation.fakes import Fixed
from tests.small_runs import OBJECTS, contents

SIZE, VIEWS = 16, 3
SMALL = {
    "task": "embedded_3d:dsd",
    "nouns": ("mug", "tree"),
    "colours": {"mug": ("red",), "tree": ("pink",)},
    "seeds": 2,
    "views": VIEWS,
    "bank.draws": 2,
    "samples": {"guidance_scale": 1.0, "steps": 2},
    "train": {
        **{name: OBJECTS[name] for name in ("stages", "scene", "run")},
        "prior": {"cameras": 3},
        "report": {name: value for name, value in OBJECTS["report"].items() if name != "views"},
    },
}
MUG, TREE = "red_mug", "pink_tree"


class Trained(list):
    """The folders of the runs that were trained; each seed of a run is a true object."""

    def __call__(self, config, folder, before=lambda: None):
        if self.stops_at == folder.name:
            raise InterruptedRunError(2, "it goes on.")
        if self.fails_at == folder.name:
            raise UserError("all seeds became NaN.")
        self.append(folder.name)
        open_workdir(make_folder(folder), config)
        colour, noun = folder.name.split("_")
        cameras = held_out_cameras(config.camera, config.report.views)
        bank = bank_of(Asked(noun, colour), load_config("measure", SMALL).bank, 2**16)
        views = bank.seen(cameras, SIZE)[: config.seeds] / 255.0
        seeds = range(config.seeds - (noun == "tree"))  # of trees one has failed
        evaluation = describe(views[: len(seeds)], seeds)
        save_views(folder / "views.npz", evaluation)
        about = {"prompt": config.prompt, "wall_time": 60.0}
        write_json(folder / "metrics.json", {**about, **evaluation.metrics})
        return evaluation

    stops_at = fails_at = None


@pytest.fixture
def trained(monkeypatch):
    """Training, sampling and judging without any of them."""

    def draw(run, sampling):
        cameras = held_out_cameras(run.camera, run.report.views)
        return np.full((run.seeds, VIEWS, SIZE, SIZE, 3), 255, np.uint8), cameras

    def seen(variants, cameras, size):
        """Of each object other squares."""
        views = len(cameras.azimuth)
        return np.stack(
            [
                np.random.default_rng(len(name)).integers(0, 256, (views, size, size, 3), np.uint8)
                for name in variants.objects
            ]
        )

    done = Trained()
    monkeypatch.setattr(Variants, "seen", seen)
    monkeypatch.setattr("sdjax.train_all.jax.clear_caches", lambda: None)
    monkeypatch.setattr("sdjax.train_all.train", done)
    monkeypatch.setattr(samples, "_draw", draw)
    monkeypatch.setattr(command, "read_judge", lambda source: Fixed("mug", "red", octant=0))
    return done


def test_it_trains_every_prompt_and_leaves_figures_and_a_picture(tmp_path, trained, capsys):
    metrics = measure("measure", tmp_path, SMALL)
    assert trained == [MUG, TREE]
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    own = metrics["nouns"]["mug"]["run"]
    assert own["confirmed"] == {"mean": 1.0, "half": 0.0, "number": 2}
    assert (own["psnr"]["mean"], own["distance"]["mean"], own["objects"]["mean"]) == (100, 0, 1)
    assert metrics["nouns"]["tree"]["run"]["noun"]["mean"] == 0.0
    assert metrics["all"]["run"]["confirmed"]["mean"] == 0.5
    assert metrics["all"]["run"]["confirmed"]["number"] == 4  # a seed that failed counts
    assert metrics["all"]["run"]["psnr"]["number"] == 3
    assert metrics["all"]["samples"]["psnr"]["mean"] < 30.0  # white
    assert metrics["all"]["true"]["confirmed"]["mean"] == 0.5
    assert metrics["all"]["run"]["view_agreement"] is None  # the judge says "front" to all
    failed = [row for row in metrics["particles"] if row.get("failed")]
    assert [(row["prompt"], row["source"], row["seed"]) for row in failed] == [
        ("a pink tree", "run", 1)
    ]
    assert (metrics["prompts"], metrics["missing"], metrics["wall_time"]["mean"]) == (2, {}, 60.0)
    page = (tmp_path / "measure.md").read_text()
    assert "2 of 2 prompts, 2 seeds, 3 held-out views each" in page
    assert "| confirmed | 50.0 ± 91.9 % | 50.0 ± 91.9 % | 50.0 ± 91.9 % |" in page
    assert "| minutes a prompt | 1.0 ± 0.0 |" in page
    width, height = Image.open(tmp_path / "sheet.png").size
    assert width > 8 * SIZE and height > 2 * SIZE
    told = capsys.readouterr().out
    assert "1 of 2: a red mug, 100.0 ± 0.0 % confirmed; 0:0" in told
    assert "2 of 2: a pink tree, 0.0 ± 0.0 % confirmed\n" in told


def test_the_same_command_again_trains_nothing_and_finds_the_same(tmp_path, trained):
    first = measure("measure", tmp_path, SMALL)
    before = contents(tmp_path)
    assert measure("measure", tmp_path, SMALL) == first
    assert trained == [MUG, TREE]
    assert contents(tmp_path) == before
    found = measure("measure", tmp_path, SMALL | {"telling": 0.0})["all"]["run"]["view_agreement"]
    # "front" is right of one of three views of each seed but the one that failed
    assert found["mean"] == pytest.approx(1 / 4) and found["number"] == 4 and len(trained) == 2


@pytest.mark.slow
def test_one_that_was_interrupted_has_figures_and_goes_on(tmp_path, trained):
    trained.stops_at = TREE
    with pytest.raises(InterruptedRunError):
        measure("measure", tmp_path, SMALL)
    left = json.loads((tmp_path / "metrics.json").read_text())
    assert (left["prompts"], left["missing"]) == (1, {"a pink tree": "not trained yet"})
    assert "1 of 2 prompts" in (tmp_path / "measure.md").read_text()
    trained.stops_at = None
    assert measure("measure", tmp_path, SMALL)["prompts"] == 2
    assert trained == [MUG, TREE]


def test_a_run_that_fails_is_told_and_costs_the_others_nothing(tmp_path, trained):
    trained.fails_at = MUG
    metrics = measure("measure", tmp_path, SMALL)
    assert metrics["missing"] == {"a red mug": "all seeds became NaN."}
    assert list(metrics["nouns"]) == ["tree"] and trained == [TREE]
    assert "| a red mug | all seeds became NaN. |" in (tmp_path / "measure.md").read_text()


@pytest.mark.slow
def test_a_part_of_the_nouns_may_be_measured_before_all(tmp_path, trained):
    assert measure("measure", tmp_path, SMALL | {"nouns": ("mug",)})["prompts"] == 1
    assert measure("measure", tmp_path, SMALL)["prompts"] == 2
    assert trained == [MUG, TREE]
    with pytest.raises(UserError, match=r"config\.seeds is 2 there and 3 here"):
        measure("measure", tmp_path, SMALL | {"seeds": 3})


@pytest.mark.slow
def test_measures_stand_side_by_side(tmp_path, trained):
    measure("measure", tmp_path / "one", SMALL)
    beside = {"beside": (str(tmp_path / "one"),)}
    measure("measure", tmp_path / "other", SMALL | beside | {"nouns": ("mug",)})
    page = (tmp_path / "other" / "measure.md").read_text()
    assert "| this: embedded_3d:dsd | 1 | 100.0 ± 0.0 % |" in page
    assert f"| {tmp_path / 'one'}: embedded_3d:dsd | 2 | 50.0 ± 91.9 % |" in page
    write_json(tmp_path / "metrics.json", {"prompt": "a mug"})
    with pytest.raises(UserError, match=r"expected the folder of a measure\."):
        measure("measure", tmp_path / "third", SMALL | {"beside": (str(tmp_path),)})


def test_a_judge_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        measure("measure", tmp_path / "out", SMALL | {"judge": str(tmp_path / "nowhere")})
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_runs_are_trained_and_sampled(tmp_path, monkeypatch):
    """By the real commands, on the exact prior."""
    monkeypatch.setattr(command, "read_judge", lambda source: Fixed("mug", "red"))
    metrics = measure("measure", tmp_path, SMALL | {"nouns": ("mug",)})
    figures = metrics["all"]
    assert figures["run"]["confirmed"]["mean"] == 1.0
    assert 0.0 < figures["samples"]["distance"]["mean"] < figures["run"]["distance"]["mean"] < 1.0
    assert (tmp_path / MUG / "views.npz").exists() and (tmp_path / "sheet.png").exists()
