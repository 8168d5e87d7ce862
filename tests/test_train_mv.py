"""Training a MVDream from end to end, on networks of a few thousand parameters."""

import json

import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.prior_training import object_views, sources
from sdjax.prior_training.model import read_model, write_model
from sdjax.priors import mvdream
from sdjax.priors.roles import MVDREAM
from sdjax.reports.scalars import read_scalars
from sdjax.train_prior import load_config, train_prior
from tests.prior_training import small
from tests.small_runs import contents

pytestmark = pytest.mark.usefixtures("quick_compilation", "few_pictures")
TINY = {
    "resolution": small.SIZE,
    "data": {"nouns": ("mug",), "scenes": 6},
    "diffusion": {"steps": 4, "batch": 2, "warmup": 1, "single": 0.5},
    "save_dtype": "float32",
    "run": {"chunk": 1, "checkpoint_every": 2},
    "report": {"prompts": ("a red mug",), "seeds": 1, "steps": 2},
}


@pytest.fixture(scope="module")
def few_pictures():
    """Rendered and encoded in small numbers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(object_views, "_AT_ONCE", 8)
        patch.setattr(sources, "_AT_ONCE", 8)
        yield


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """The folder of a Stable Diffusion."""
    folder = tmp_path_factory.mktemp("start")
    made = small.model(folder / "words")
    write_model(made, folder / "model", folder / "words", "float32")
    return folder / "model"


def tiny(weights, **overrides):
    given = {**TINY, "model": {"weights": str(weights)}}
    return load_config(load_config("train_mv", given), overrides)


@pytest.fixture(scope="module")
def run(few_pictures, start, tmp_path_factory):
    """The folder of a finished run; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "mv"
    train_prior(tiny(start), folder)
    return folder


def weights(folder):
    """The bytes of the model's files."""
    made = contents(folder / "model")
    return {path.relative_to(folder / "model").as_posix(): made[path] for path in made}


@pytest.mark.slow
@pytest.mark.long
def test_a_run_leaves_a_mvdream(run, start, tmp_path):
    """Only its UNet is another than that of the start; the prior reads the folder."""
    names = {"checkpoints", "config.json", "diffusion", "metrics.json", "model", "samples.png"}
    assert {path.name for path in run.iterdir()} == names | {"sheets"}
    assert {path.name for path in (run / "sheets").iterdir()} == {"samples_2.png", "samples_4.png"}
    old = contents(start)
    old = {path.relative_to(start).as_posix(): old[path] for path in old}
    new = weights(run)
    changed = {name for name in old if old[name] != new[name]}
    assert changed == {"unet/config.json", "unet/diffusion_pytorch_model.safetensors"}
    assert mvdream.load(run / "model", cache_dir=tmp_path).views_together == 4
    model = read_model(run / "model", role=MVDREAM)
    learned = model.params["unet"]["camera_embedding"]["linear_2"]["kernel"]
    assert np.abs(np.asarray(learned)).max() > 0
    assert json.loads((run / "metrics.json").read_text())["parameters"]["unet"] > 1000
    assert [line["step"] for line in read_scalars(run / "diffusion")] == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.long
def test_a_mvdream_is_trained_further(run, tmp_path):
    train_prior(tiny(run / "model", **{"diffusion.steps": 1}), tmp_path / "again")
    old, new = weights(run), weights(tmp_path / "again")
    changed = {name for name in old if old[name] != new[name]}
    assert changed == {"unet/diffusion_pytorch_model.safetensors"}


@pytest.mark.slow
@pytest.mark.long
def test_fine_tuning_on_scenes_of_ones_own(run, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = []
    for turn in range(4):
        Image.new("RGB", (9, 9), (60 * turn, 10, 10)).save(folder / f"{turn}.png")
        seen = {"azimuth": 90 * turn, "elevation": 5, "object": 1, "text": "a red mug"}
        rows.append({"file_name": f"{turn}.png", **seen})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = tiny(run / "model").to_dict() | {
        "data": {"name": "folder", "path": str(folder), "empty": 0.1},
    }
    train_prior(load_config(given, {"diffusion.steps": 2}), tmp_path / "own")
    assert weights(tmp_path / "own") != weights(run)
    given["data"]["path"] = str(tmp_path / "none")
    with pytest.raises(UserError, match="There is no folder"):
        train_prior(load_config(given), tmp_path / "other")


BAD = [
    ({"diffusion.single": 1.5}, r"config\.diffusion\.single is 1\.5, expected"),
    ({"data.says.view": 0.9}, r"data\.says\.view"),
    ({"data.overhead": 45.0}, r"data\.overhead"),
    ({"data.scenes": -1}, r"config\.data\.scenes is -1, expected a whole number of at least 0"),
    ({"model.weights": "nowhere/at all"}, "nowhere"),
]


@pytest.mark.parametrize(("overrides", "sentence"), BAD)
def test_bad_input_is_one_sentence(tmp_path, overrides, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        train_prior(tiny("sdjax-small"), tmp_path / "run", overrides)
    assert "\n" not in str(caught.value)
