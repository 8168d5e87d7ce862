"""A judge and a CLIP in training, from end to end on networks of a few thousand parameters."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.prior_training import held_out, sources
from sdjax.prior_training.clip_model import read_clip
from sdjax.prior_training.judge_files import read_judge
from sdjax.train_prior import load_config, train_prior

pytestmark = pytest.mark.usefixtures("quick_compilation")
TINY = {
    "resolution": 16,
    "data.nouns": ("mug",),
    "data.pictures": 8,
    "save_dtype": "float32",
    "run": {"chunk": 2, "checkpoint_every": 4},
    "report": {"held_out": 4, "margin": 5.0},
}
STAGE = {"steps": 3, "batch": 4, "warmup": 1}
JUDGE = {**TINY, "judge": STAGE, "model": {"channels": (4, 6, 8), "hidden": 8}}
CLIP = {
    **TINY,
    "clip": STAGE,
    "model": {
        "text": {"width": 8, "layers": 1, "heads": 1},
        "vision": {"width": 8, "layers": 1, "heads": 1, "patch": 8},
        "projection": 6,
    },
}


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    monkeypatch.setattr(sources, "_AT_ONCE", 8)
    monkeypatch.setattr(held_out, "_AT_ONCE", 4)


def differ(one, other):
    return not all(map(np.array_equal, jax.tree.leaves(one), jax.tree.leaves(other)))


@pytest.mark.long
def test_a_judge_is_trained_and_trained_on(tmp_path):
    metrics = train_prior("train_judge", tmp_path / "one", JUDGE)
    assert json.loads((tmp_path / "one" / "metrics.json").read_text()) == metrics
    assert set(metrics["real"]) == {"object", "colour", "view", "direction"}
    assert set(metrics["disturbed"]["object"]) == {"all", "mug", "calibration"}
    judge = read_judge(tmp_path / "one" / "model")
    assert metrics["parameters"] == sum(leaf.size for leaf in jax.tree.leaves(judge.params))
    again = {"model": {"name": "checkpoint", "weights": str(tmp_path / "one" / "model")}}
    fresh = {"data.pictures": 0}  # rendered anew for each batch
    train_prior(load_config("train_judge", {**JUDGE, **again, **fresh}), tmp_path / "two")
    assert differ(read_judge(tmp_path / "two" / "model").params, judge.params)


@pytest.fixture
def pictures(tmp_path):
    """A folder of three with their captions."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, shade in (("red", 40), ("blue", 120), ("teal", 200)):
        Image.fromarray(np.full((12, 10, 3), shade, np.uint8)).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"a {name} mug")
    return folder


@pytest.mark.long
def test_a_clip_is_trained_and_fine_tuned_on_pictures(pictures, tmp_path):
    metrics = train_prior("train_clip", tmp_path / "one", CLIP)
    assert set(metrics["real"]) == {"caption", "object", "colour", "direction"}
    first = read_clip(tmp_path / "one" / "model")
    assert first.table["projection_dim"] == 6
    mine = {
        **{name: TINY[name] for name in ("resolution", "save_dtype", "run", "report")},
        "data.path": str(pictures),
        "model.weights": str(tmp_path / "one" / "model"),
        "clip": STAGE,
    }
    metrics = train_prior("fine_tune_clip", tmp_path / "two", mine)
    assert metrics["pictures"] == 3 and 0.0 <= metrics["caption_of_picture"] <= 1.0
    tuned = read_clip(tmp_path / "two" / "model")
    for part in ("text", "vision"):
        assert differ(first.params[part], tuned.params[part])
    np.testing.assert_array_equal(first.tokenize(["a red mug"]), tuned.tokenize(["a red mug"]))


@pytest.mark.parametrize(
    ("config", "overrides", "sentence"),
    [
        ("train_judge", {"resolution": 24}, "config.resolution is 24, expected a multiple of 16"),
        ("train_judge", {"model.channels": (4, 8)}, r"model.channels is \(4, 8\), expected three"),
        (
            "train_judge",
            {"model.name": "checkpoint", "model.weights": "nowhere"},
            "nowhere.*missing",
        ),
        ("train_clip", {"resolution": 40}, "config.resolution is 40, expected a multiple of .*16"),
        ("fine_tune_clip", {"model.weights": "nowhere"}, "nowhere.*missing"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_nothing(tmp_path, config, overrides, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        train_prior(config, tmp_path / "run", overrides)
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()
