"""Zero-1-to-3 in miniature from end to end, on networks of a few thousand parameters."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.prior_training import object_views, sources
from sdjax.prior_training.model import write_model
from sdjax.prior_training.novel_view_model import read_view_model
from sdjax.reports.scalars import read_scalars
from sdjax.sample import sample
from sdjax.train_prior import load_config, train_prior
from tests.prior_training import small
from tests.prior_training.small_view import clip_folder
from tests.small_runs import contents

LONG = pytest.mark.long
TINY = {
    "resolution": small.SIZE,
    "data": {"nouns": ("mug", "facade"), "pictures": 16, "views": 4},
    "diffusion": {"steps": 6, "batch": 8, "warmup": 1, "optimizer": "adamw"},
    "save_dtype": "float32",
    "run": {"chunk": 2, "checkpoint_every": 4},
    "report": {"azimuths": (0.0, 180.0), "seeds": 2, "steps": 2, "held_out": 2},
}


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """Folders of a Stable Diffusion and of an image encoder."""
    folder = tmp_path_factory.mktemp("starts")
    model = small.model(folder / "tokenizer")
    write_model(model, folder / "model", folder / "tokenizer", "float32")
    return folder / "model", clip_folder(folder / "clip")


def config_of(starts, **overrides):
    model, clip = starts
    table = {"name": "stable_diffusion", "weights": str(model), "image_encoder": str(clip)}
    return load_config(load_config("train_view", {**TINY, "model": table}), overrides)


@pytest.fixture(scope="module")
def run(starts, tmp_path_factory):
    """The folder of a finished run; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "view"
    with pytest.MonkeyPatch.context() as patch:
        for module in (sources, object_views):
            patch.setattr(module, "_AT_ONCE", 16)
        train_prior(config_of(starts), folder)
    return folder


@LONG
def test_a_run_leaves_a_model_a_sheet_and_figures(run, starts):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["determined"] + metrics["open"] == 4
    assert 0 < metrics["psnr"] < 100 and metrics["diffusion_seconds"] > 0
    assert metrics["parameters"].keys() == {"unet", "vae", "image_encoder", "cc_projection"}
    sheets = {path.name for path in (run / "sheets").iterdir()}
    assert sheets == {"views_4.png", "views_6.png"}
    assert min(Image.open(run / "views.png").size) > 16
    assert [line["step"] for line in read_scalars(run / "diffusion")] == [2, 4, 6]


@LONG
def test_unet_and_projection_learn_and_nothing_else(run, starts):
    model = read_view_model(run / "model")
    assert np.any(model.params["unet"]["conv_in"]["kernel"][:, :, 3:])
    assert np.any(model.params["cc_projection"]["kernel"][-4:])
    before = {path.name: path.read_bytes() for path in contents(starts[0] / "vae")}
    after = {path.name: path.read_bytes() for path in contents(run / "model" / "vae")}
    assert (
        before["diffusion_pytorch_model.safetensors"]
        == (after["diffusion_pytorch_model.safetensors"])
    )
    clip = starts[1] / "model.safetensors"
    own = run / "model" / "image_encoder" / "model.safetensors"
    assert own.read_bytes() == clip.read_bytes()


@LONG
def test_a_finished_run_is_judged_again(run, starts):
    before = contents(run / "model")
    assert train_prior(config_of(starts), run)["parameters"]
    assert contents(run / "model") == before


@LONG
def test_the_prior_draws_with_it(run, tmp_path):
    """`sdjax sample` from the written folder."""
    own = {
        "prior.weights": str(run / "model"),
        "resolution": small.SIZE,
        "steps": 2,
        "seeds": 2,
    }
    evaluation = sample("sample:small_view", tmp_path / "samples", own)
    assert evaluation.views.shape == (2, 4, small.SIZE, small.SIZE, 3)
    assert np.isfinite(evaluation.views).all()


@pytest.fixture
def own_views(tmp_path):
    """Two objects, three views of one and two of the other."""
    folder, rows = tmp_path / "pictures", []
    folder.mkdir()
    for index, name in enumerate("ababa"):
        picture = np.full((12, 12, 3), 40 * index, np.uint8)
        Image.fromarray(picture).save(folder / f"{index}.png")
        row = {"file_name": f"{index}.png", "object": name, "azimuth": 60 * index, "elevation": 10}
        rows.append(json.dumps(row))
    (folder / "metadata.jsonl").write_text("\n".join(rows))
    return folder


def tuning(weights, pictures, **overrides):
    table = {name: TINY[name] for name in ("resolution", "diffusion", "save_dtype", "run")}
    report = {"report": {"seeds": 1, "steps": 2}}
    given = {"data.path": str(pictures), "model.weights": str(weights), **overrides}
    return load_config(load_config("train_view:folder", {**table, **report}), given)


@LONG
def test_fine_tuning_on_own_pictures(run, own_views, tmp_path):
    metrics = train_prior(tuning(run / "model", own_views), tmp_path / "tuned")
    assert (metrics["determined"], metrics["open"]) == (0, 2)
    old, new = (read_view_model(folder) for folder in (run / "model", tmp_path / "tuned" / "model"))
    changed = jax.tree.map(lambda a, b: not np.array_equal(a, b), old.params, new.params)
    assert any(jax.tree.leaves(changed["unet"])) and any(jax.tree.leaves(changed["cc_projection"]))
    assert not any(jax.tree.leaves((changed["vae"], changed["image_encoder"])))


def refused(config, folder, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        train_prior(config, folder)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_what_cannot_be_is_one_sentence(starts, tmp_path):
    few = config_of(starts, **{"data.pictures": 3})
    refused(few, tmp_path / "one", "data.pictures is 3, expected at least the 4 views of one")
    assert not (tmp_path / "one").exists()
    other = config_of(starts, resolution=16)
    refused(other, tmp_path / "two", "config.resolution is 16, expected 8, for which the networks")
    nowhere = config_of(starts, **{"model.image_encoder": str(tmp_path / "no")})
    refused(nowhere, tmp_path / "three", "no/config.json")
    text_to_image = config_of(starts, **{"model.name": "checkpoint"})
    text_to_image = load_config(text_to_image, {"model.weights": str(starts[0])})
    refused(text_to_image, tmp_path / "four", "image_encoder")


def test_a_configuration_names_what_there_is():
    with pytest.raises(UserError, match="train_view:folders is not known, expected objects or fol"):
        load_config("train_view:folders")
