"""Original checkpoints in one file."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.weights.conversion import pickle_command
from sdjax.weights.layout import is_parameter
from sdjax.weights.load import load_params
from sdjax.weights.single_file import SingleFile
from sdjax.weights.tensors import read_tensors
from tests.multiview_folders import mvdream_file, mvdream_folder, zero123_file, zero123_folder

UNET = "model.diffusion_model."
WRITERS = {"mvdream": (mvdream_file, mvdream_folder), "zero123": (zero123_file, zero123_folder)}
PARTS = {
    "mvdream": {"unet": "unet", "vae": "vae", "text_encoder": "text_encoder"},
    "zero123": {
        "unet": "unet",
        "vae": "vae",
        "image_encoder": "image_encoder",
        "projection": "cc_projection",
    },
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(file, folder) of each kind; tests leave them as they are."""
    at = tmp_path_factory.mktemp("checkpoints")
    return {
        kind: (file(at / kind / "model.safetensors"), folder(at / kind / "folder"))
        for kind, (file, folder) in WRITERS.items()
    }


def changed(file: Path, folder: Path, change) -> SingleFile:
    """A copy with other tensors; `change` gets all of them."""
    tensors = load_file(file)
    change(tensors)
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    return SingleFile(folder / "model.safetensors")


@pytest.mark.parametrize(("kind", "part"), [(k, part) for k in PARTS for part in PARTS[k]])
def test_a_part_is_the_same_as_in_the_folder(written, kind, part):
    path, folder = written[kind]
    file = SingleFile(path)
    here = dict(file.tensors(part))
    there = {n: a for n, a in read_tensors(folder / PARTS[kind][part]) if is_parameter(n)}
    assert here.keys() == there.keys()
    for name, array in here.items():
        np.testing.assert_array_equal(array, there[name])
    assert file.shapes(part) == {name: array.shape for name, array in here.items()}


def test_a_text_encoder_with_the_names_of_transformers(written, tmp_path):
    folder = written["mvdream"][1] / "text_encoder"
    text = dict(read_tensors(folder))
    text["text_model.embeddings.position_ids"] = np.arange(77)[None]

    def exchange(tensors):
        for name in [name for name in tensors if name.startswith("cond_stage_model.")]:
            del tensors[name]
        tensors.update({f"cond_stage_model.transformer.{name}": text[name] for name in text})

    file = changed(written["mvdream"][0], tmp_path, exchange)
    here = dict(file.tensors("text_encoder"))
    del text["text_model.embeddings.position_ids"]
    assert here.keys() == text.keys()
    for name, array in here.items():
        np.testing.assert_array_equal(array, text[name])


def test_what_is_not_in_the_file_is_named(written):
    file = SingleFile(written["mvdream"][0])
    with pytest.raises(ValueError, match=r"holds no projection .*\(tensors cc_projection\.\*\)"):
        file.shapes("projection")
    with pytest.raises(ValueError, match="holds no text_encoder"):
        SingleFile(written["zero123"][0]).fields("text_encoder")


@pytest.mark.parametrize("kind", WRITERS)
def test_parameters_are_those_of_the_folder(written, kind):
    path, folder = written[kind]
    file = SingleFile(path)
    fields = file.fields("unet")
    read = UNetConfig.from_ldm(fields)
    assert read.camera_features == fields.get("camera_dim")
    template = parameter_shapes(UNet2DCondition(read))
    ours = file.params("unet", template)
    jax.tree.map(np.testing.assert_array_equal, ours, load_params(template, folder / "unet"))
    other = parameter_shapes(UNet2DCondition(UNetConfig.from_ldm({**fields, "out_channels": 3})))
    with pytest.raises(ValueError, match=r"The unet in '.*' holds weights of another network"):
        file.params("unet", other)


def test_the_average_over_the_training_where_it_is_asked_for(written, tmp_path):
    def average(tensors):
        for name in [name for name in tensors if name.startswith(UNET)]:
            inside = name.removeprefix("model.").replace(".", "")
            tensors[f"model_ema.{inside}"] = tensors[name] + 1

    plain = changed(written["zero123"][0], tmp_path, average)
    averaged = SingleFile(plain.path, average=True)
    assert averaged.shapes("unet") == plain.shapes("unet")
    of_average = dict(averaged.tensors("unet"))
    for name, array in plain.tensors("unet"):
        np.testing.assert_array_equal(of_average[name], array + 1)
    without = SingleFile(written["zero123"][0], average=True)
    assert without.shapes("unet") == plain.shapes("unet")


# What a file beside the checkpoint says.


def alone(written, kind, folder) -> Path:
    """The file without another beside it."""
    target = folder / "alone.safetensors"
    target.symlink_to(written[kind][0])
    return target


def test_no_file_beside_and_heads_that_nothing_shows(written, tmp_path):
    file = SingleFile(alone(written, "mvdream", tmp_path))
    with pytest.raises(ValueError, match=r"a UNet .* config\.json with the key 'unet_config'"):
        file.fields("unet")
    with pytest.raises(ValueError, match=r"a config\.json with the key 'text_encoder'"):
        file.fields("text_encoder")
    with pytest.raises(ValueError, match=r"a config\.json with the key 'image_encoder'"):
        SingleFile(alone(written, "zero123", folder(tmp_path))).fields("image_encoder")


def folder(tmp_path: Path) -> Path:
    other = tmp_path / "other"
    other.mkdir()
    return other


def test_the_autoencoder_needs_no_file_beside(written, tmp_path):
    said = SingleFile(written["mvdream"][0]).fields("vae")
    inferred = SingleFile(alone(written, "mvdream", tmp_path)).fields("vae")
    for name in ("block_out_channels", "layers_per_block", "latent_channels"):
        assert inferred[name] == said[name]


@pytest.mark.parametrize("name", ["alone.json", "config.json"])
@pytest.mark.parametrize("around", [lambda numbers: numbers, lambda n: {"unet_config": n}])
def test_the_numbers_of_the_unet_beside_it(written, tmp_path, name, around):
    file = alone(written, "mvdream", tmp_path)
    said = SingleFile(written["mvdream"][0]).fields("unet")
    (tmp_path / name).write_text(json.dumps(around(said)))
    assert SingleFile(file).fields("unet") == said


def test_the_whole_official_configuration_beside_it(written, tmp_path):
    said = SingleFile(written["mvdream"][0]).fields("unet")
    ddconfig = {
        "double_z": True,
        "z_channels": 4,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 128,
        "ch_mult": [1, 2, 4],
        "num_res_blocks": 2,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    params = {
        "unet_config": {"target": "a.b.MultiViewUNetModel", "params": said},
        "first_stage_config": {"target": "a.b.AutoencoderKL", "params": {"ddconfig": ddconfig}},
    }
    file = alone(written, "mvdream", tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model": {"params": params}}))
    assert SingleFile(file).fields("unet") == said
    assert list(SingleFile(file).fields("vae")["block_out_channels"]) == [128, 256, 512]


def test_another_file_beside_it_is_no_matter_and_its_own_is(written, tmp_path):
    file = alone(written, "zero123", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "else"}')
    assert SingleFile(file).fields("vae")["latent_channels"] == 4
    (tmp_path / "alone.json").write_text('{"model_type": "else"}')
    with pytest.raises(ValueError, match=r"has none of the keys unet_config, first_stage_config"):
        SingleFile(file).fields("vae")


# What is no such file.


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"is missing, expected a checkpoint in one \.safetensors"):
        SingleFile(tmp_path / "none.safetensors")
    with pytest.raises(ValueError, match="is a folder, expected a checkpoint in one"):
        SingleFile(tmp_path)


def test_a_file_that_is_cut_short(written, tmp_path):
    stored = written["zero123"][0].read_bytes()
    (tmp_path / "model.safetensors").write_bytes(stored[: len(stored) // 2])
    with pytest.raises(ValueError, match="is cut short or no safetensors file"):
        SingleFile(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ValueError, match="is a pointer of Git LFS"):
        SingleFile(tmp_path / "model.safetensors")


def test_weights_of_something_else(written):
    inside = written["zero123"][1] / "unet" / "diffusion_pytorch_model.safetensors"
    with pytest.raises(ValueError, match=r"holds no unet .*\(tensors model\.diffusion_model\.\*\)"):
        SingleFile(inside)


def test_a_part_that_lacks_a_tensor(written, tmp_path):
    def drop(tensors):
        del tensors[f"{UNET}out.2.weight"]

    file = changed(written["zero123"][0], tmp_path, drop)
    template = parameter_shapes(
        UNet2DCondition(UNetConfig.from_ldm(SingleFile(written["zero123"][0]).fields("unet")))
    )
    with pytest.raises(ValueError, match=r"(?s)1 missing.*conv_out\.weight"):
        file.params("unet", template)
    with pytest.raises(ValueError, match=r"Tensor conv_out\.weight is missing"):
        file.fields("unet")


def test_tensors_of_other_shapes_are_told_of(written, tmp_path):
    def flatten(tensors):
        for name in tensors:
            tensors[name] = tensors[name].reshape(-1)[:1].reshape(())

    file = changed(written["zero123"][0], tmp_path, flatten)
    for part in PARTS["zero123"]:
        assert set(file.shapes(part).values()) == {()}
        with pytest.raises(ValueError, match="of another shape"):
            file.fields(part)


@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".pth"])
def test_a_pickle_is_refused_with_a_line_that_converts_it(tmp_path, suffix):
    file = tmp_path / f"model{suffix}"
    file.write_bytes(b"\x80\x02}q\x00.")
    target = tmp_path / "model.safetensors"
    with pytest.raises(ValueError, match="is a pickle, which may run any code when read") as error:
        SingleFile(file)
    assert f"`{pickle_command(file, target)}` and give '{target}'" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parity
@pytest.mark.parametrize("suffix", [".pt", ".ckpt"])
def test_the_line_converts_a_pickle(written, tmp_path, suffix):
    torch = pytest.importorskip("torch")
    tensors = {name: torch.from_numpy(a) for name, a in load_file(written["mvdream"][0]).items()}
    tensors["model_ema.shared"] = tensors["alphas_cumprod"]
    stored = {"state_dict": tensors, "global_step": 7, "epoch": 1} if suffix == ".ckpt" else tensors
    file = tmp_path / f"the model's{suffix}"
    torch.save(stored, file)
    line = pickle_command(file, file.with_suffix(".safetensors"))
    line = line.replace("python", sys.executable, 1)
    subprocess.run(line, shell=True, check=True)
    converted = load_file(file.with_suffix(".safetensors"))
    assert converted.keys() == tensors.keys()
    unet = SingleFile(file.with_suffix(".safetensors")).shapes("unet")
    assert "camera_embedding.linear_1.weight" in unet
