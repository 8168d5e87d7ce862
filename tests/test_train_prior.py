"""The command that trains a prior, from end to end on networks of a few thousand parameters."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.prior_training import sources, stages
from sdjax.prior_training.autoencoder_stage import latents_of
from sdjax.prior_training.build import make_held_out
from sdjax.prior_training.model import read_model
from sdjax.prior_training.samples import reconstructions
from sdjax.prior_training.user_images import user_images
from sdjax.reports.scalars import Scalars, read_scalars
from sdjax.train_prior import load_config, train_prior
from tests.small_runs import contents

pytestmark = pytest.mark.usefixtures("quick_compilation", "few_pictures")
TINY = {
    "resolution": 8,
    "data": {"nouns": ("mug",), "pictures": 20},
    "model": {
        "autoencoder": {"channels": (4, 8), "groups": 2, "latent_channels": 2},
        "text": {"width": 8, "layers": 1, "heads": 1, "tokens": 14},
        "unet": {"channels": (8,), "heads": (1,), "groups": 4, "attention": (True,)},
    },
    "autoencoder": {"steps": 6, "batch": 8, "warmup": 1},
    "diffusion": {"steps": 6, "batch": 8, "warmup": 1},
    "save_dtype": "float32",
    "run": {"chunk": 2, "checkpoint_every": 4},
    "report": {"prompts": ("a red mug",), "seeds": 1, "steps": 2, "held_out": 8},
}
LONG = pytest.mark.long
SHEETS = ("samples.png", "reconstructions.png")


@pytest.fixture(scope="module")
def few_pictures():
    """Rendered and encoded in small numbers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_AT_ONCE", 16)
        patch.setattr(stages, "_MEASURED", 32)
        yield


def tiny_config(**overrides):
    return load_config(load_config("train_prior", TINY), overrides)


@pytest.fixture(scope="module")
def run(few_pictures, tmp_path_factory):
    """The folder of a finished run; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "prior"
    train_prior(tiny_config(), folder)
    return folder


def weights(folder):
    """The bytes of all weights and of the tokenizer."""
    made = contents(folder / "model")
    return {
        path.relative_to(folder / "model").as_posix(): content for path, content in made.items()
    }


@LONG
def test_a_run_leaves_its_files(run):
    names = {"autoencoder", "checkpoints", "config.json", "diffusion", "metrics.json", "model"}
    assert {path.name for path in run.iterdir()} == names | {"sheets", "tokenizer", *SHEETS}
    assert {path.name for path in (run / "sheets").iterdir()} == {"samples_4.png", "samples_6.png"}
    for sheet in SHEETS:
        assert min(Image.open(run / sheet).size) > 16
    model = read_model(run / "model")
    assert model.tables.scheduler["prediction_type"] == "v_prediction"


@LONG
def test_the_metrics(run):
    metrics, model = json.loads((run / "metrics.json").read_text()), read_model(run / "model")
    assert metrics["parameters"].keys() == {"vae", "text_encoder", "unet"}
    for name, number in metrics["parameters"].items():
        assert number == sum(leaf.size for leaf in jax.tree.leaves(model.params[name]))
    _, psnr = reconstructions(model, make_held_out(tiny_config()).values)
    assert metrics["autoencoder_psnr"] == pytest.approx(psnr.mean(), abs=0.006)
    assert metrics["autoencoder_seconds"] > 0 and metrics["diffusion_seconds"] > 0


@LONG
@pytest.mark.parametrize("stage", ["autoencoder", "diffusion"])
def test_every_chunk_is_logged(run, stage):
    lines = read_scalars(run / stage)
    assert [line["step"] for line in lines] == [2, 4, 6]
    assert all(np.isfinite(line["loss"]) for line in lines)


@LONG
def test_latents_of_a_new_model_are_standardised(run):
    """Of the pictures from which the scale was taken, and so about of others."""
    model = read_model(run / "model")
    pictures = make_held_out(tiny_config(**{"report.held_out": 64})).values
    encode = partial(latents_of, model.networks.autoencoder, model.params["vae"])
    latents = encode(jnp.asarray(pictures))
    np.testing.assert_allclose(latents.mean((0, 1, 2)), 0.0, atol=0.3)
    np.testing.assert_allclose(latents.std((0, 1, 2)), 1.0, atol=0.3)


class StopError(Exception):
    """In place of a kill."""


@LONG
@pytest.mark.parametrize("stage", ["autoencoder", "diffusion"])
def test_the_same_command_resumes_and_ends_with_the_same(run, tmp_path, stage, monkeypatch):
    """Stopped after the first checkpoint of a stage."""
    log = Scalars.log

    def stopping(self, step, terms):
        log(self, step, terms)
        if step == 6 and self._lines.parent.name == stage:
            raise StopError

    with monkeypatch.context() as patch, pytest.raises(StopError):
        patch.setattr(Scalars, "log", stopping)
        train_prior(tiny_config(), tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists()
    train_prior(tiny_config(), tmp_path / "run")
    assert weights(tmp_path / "run") == weights(run)
    for name in ("autoencoder", "diffusion"):
        assert read_scalars(tmp_path / "run" / name) == read_scalars(run / name)


@LONG
def test_a_finished_run_writes_its_model_again(run):
    before, scalars = weights(run), read_scalars(run / "diffusion")
    (run / "samples.png").unlink()
    train_prior(tiny_config(), run)
    assert weights(run) == before and (run / "samples.png").exists()
    assert read_scalars(run / "diffusion") == scalars


@pytest.fixture
def pictures(tmp_path):
    """A folder of three with their captions."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        picture = np.full((12, 10, 3), random.integers(0, 256, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"a {name} mug")
    return folder


def fine_tuning(checkpoint, pictures, **overrides):
    tables = tiny_config().to_dict() | {
        "data": {"name": "folder", "path": str(pictures), "empty": 0.1},
        "model": {"name": "checkpoint", "weights": str(checkpoint), "revision": None},
    }
    return load_config(tables, overrides)


@LONG
def test_fine_tuning_on_pictures(run, pictures, tmp_path):
    """Of the UNet alone: the rest of the checkpoint stays as it is."""
    before = contents(run / "model")
    alone = {"autoencoder.steps": 0, "diffusion.trains_text": False, "diffusion.steps": 3}
    metrics = train_prior(fine_tuning(run / "model", pictures, **alone), tmp_path / "tuned")
    assert contents(run / "model") == before
    old, new = weights(run), weights(tmp_path / "tuned")
    assert old.keys() == new.keys()
    changed = {name for name in old if old[name] != new[name]}
    assert changed == {"unet/diffusion_pytorch_model.safetensors"}
    _, psnr = reconstructions(read_model(run / "model"), user_images(pictures, 8, 0.0).values)
    assert metrics["autoencoder_psnr"] == pytest.approx(psnr.mean(), abs=0.006)
    assert (tmp_path / "tuned" / "samples.png").exists()


@LONG
def test_fine_tuning_of_everything(run, pictures, tmp_path):
    train_prior(fine_tuning(run / "model", pictures), tmp_path / "tuned")
    old, new = weights(run), weights(tmp_path / "tuned")
    changed = {name for name in old if old[name] != new[name]}
    assert changed == {name for name in old if name.endswith(".safetensors")}


def refused(config, workdir, sentence, overrides=()):
    with pytest.raises(UserError, match=sentence) as caught:
        train_prior(config, workdir, overrides)
    assert "\n" not in str(caught.value)


BAD = [
    ({"data.nouns": ("mug", "spoon")}, r"config.data.nouns is \('mug', 'spoon'\), .* one of mug, "),
    ({"autoencoder.steps": 0}, r"config.autoencoder.steps is 0 for a new model, expected at least"),
    ({"diffusion.batch": 0}, "config.diffusion.batch is 0, expected a whole number of at least 1"),
    ({"data.says.colour": 1.5}, "config.data.says.colour is 1.5, expected"),
    ({"data.name": "folders"}, "config.data.name is 'folders', expected one of"),
    ({"save_dtype": "bfloat16"}, "config.save_dtype is 'bfloat16', expected one of"),
]


@pytest.mark.parametrize(("overrides", "sentence"), BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, overrides, sentence):
    refused(tiny_config(), tmp_path / "run", sentence, overrides)
    assert not (tmp_path / "run").exists()


LATE = [
    pytest.param({"resolution": 9}, "multiple", marks=LONG),
    ({"model.unet.heads": (3,)}, "heads"),
    ({"model.unet.groups": 3}, "groups"),
    ({"model.unet.attention": (True, False)}, "attention|channels|blocks"),
    ({"model.autoencoder.groups": 3}, "groups"),
    ({"model.text.heads": 3}, "heads"),
]


@pytest.mark.parametrize(("overrides", "sentence"), LATE)
def test_networks_that_cannot_be_are_one_sentence(tmp_path, overrides, sentence):
    refused(tiny_config(), tmp_path / "run", sentence, overrides)


def test_a_folder_or_a_checkpoint_that_is_not_there(tmp_path, pictures):
    config = fine_tuning(tmp_path / "nowhere", pictures)
    refused(config, tmp_path / "one", "nowhere")
    (tmp_path / "model").mkdir()
    refused(
        fine_tuning(tmp_path / "model", pictures),
        tmp_path / "two",
        "is no model in the layout of diffusers",
    )


@LONG
def test_no_pictures_is_a_sentence(run, tmp_path):
    refused(fine_tuning(run / "model", tmp_path / "none"), tmp_path / "run", "There is no folder")


@LONG
def test_another_configuration_is_refused_but_for_its_report(run):
    before = contents(run)
    refused(tiny_config(), run, "config.seed is 0 there and 1 here", {"seed": 1})
    assert contents(run) == before
    train_prior(tiny_config(), run, {"report.prompts": ("a blue mug",)})
    assert json.loads((run / "config.json").read_text())["report"]["prompts"] == ["a blue mug"]
