"""Folders that are models, and what is said of those that are not."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from sdjax.config.errors import UserError
from sdjax.weights.hub import COMPONENTS, local_folder
from tests import reference


@pytest.fixture
def model(tmp_path):
    """An empty model: right folders, no contents."""
    for component in COMPONENTS:
        (tmp_path / "model" / component).mkdir(parents=True)
    (tmp_path / "model" / "model_index.json").write_text("{}")
    return tmp_path / "model"


def test_a_folder_is_taken_as_it_is(model, monkeypatch):
    assert local_folder(model) == model
    assert local_folder(str(model)) == model
    assert local_folder(reference.FOLDER / "tiny" / "sd1_tiny").name == "sd1_tiny"
    monkeypatch.setenv("HOME", str(model.parent))
    assert local_folder("~/model") == model
    monkeypatch.chdir(model.parent.parent)
    assert local_folder(f"{model.parent.name}/model").resolve() == model


def refused(source, *args) -> str:
    with pytest.raises(UserError) as caught:
        local_folder(source, *args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_components(model):
    (model / "vae").rmdir()
    (model / "tokenizer").rmdir()
    assert "has no folder vae and no tokenizer; download it completely" in refused(model)
    assert local_folder(model, None, ("unet", "text_encoder")) == model


def test_no_model(model):
    (model / "model_index.json").unlink()
    assert "it has no model_index.json; give the folder" in refused(model)


def test_a_component_is_no_model(model):
    (model / "unet" / "config.json").write_text("{}")
    assert f"give the folder of the whole model, '{model}'" in refused(model / "unet")


@pytest.mark.parametrize("name", ["v1-5-pruned.safetensors", "v1-5-pruned.ckpt"])
def test_a_checkpoint_in_one_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    for source in (tmp_path / name, str(tmp_path / name), tmp_path):
        sentence = refused(source)
        assert f"P.from_single_file('{tmp_path / name}')" in sentence
        assert f"give '{tmp_path / 'v1-5-pruned'}'" in sentence


def test_any_other_file(model):
    assert "is a file; give the folder" in refused(model / "model_index.json")


@pytest.mark.parametrize("rest", ["mdel", "model/a/b", "model/unet/x.ckpt"])
def test_paths_that_do_not_exist(model, rest):
    nearest = model if rest.startswith("model") else model.parent
    nearest = nearest / "unet" if "unet" in rest else nearest
    assert f"the nearest that exists is '{nearest}'" in refused(str(model.parent / rest))
    assert f"the nearest that exists is '{nearest}'" in refused(model.parent / rest)


@pytest.mark.parametrize("source", ["./absent/model", "../absent", "~/absent", "absent", "a/b/c"])
def test_these_are_paths_and_no_names_of_the_hub(model, monkeypatch, source):
    monkeypatch.chdir(model)
    assert "a model of the hub is given as owner/name" in refused(source)


def test_a_folder_has_no_revision(model):
    assert "is a folder here, so leave out the revision 'flax'" in refused(model, "flax")


@pytest.mark.parametrize(
    "name", ["pytorch_lora_weights.safetensors", "adapter_config.json", "any.safetensors"]
)
def test_a_lora_is_called_one(tmp_path, name):
    file = tmp_path / name
    file.write_text("{}")
    if file.suffix == ".safetensors":
        save_file({"unet.x.lora.down.weight": np.ones((1, 2))}, file)
    for source in [tmp_path, *([file] if file.suffix == ".safetensors" else [])]:
        assert "is a LoRA" in refused(source)
        assert "not a model; give the model that it was trained for" in refused(source)
        assert "as prior.weights and this as prior.lora." in refused(source)


@pytest.mark.parametrize("source", ["a" * 5000, "~nobody-knows/model", "a\0b", Path("x" * 300)])
def test_names_that_no_folder_can_have(source):
    assert "There is no folder" in refused(source)
