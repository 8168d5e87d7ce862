"""Reading what lies in a folder, whole or damaged."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from sdjax.config.errors import UserError
from sdjax.weights import safetensors_files
from sdjax.weights.load import load_params
from sdjax.weights.tensors import read_tensors, tensor_shapes
from tests.weights.small import FILE, assert_equal, random_params, template, torch_tensors, write

STEM = "diffusion_pytorch_model"


@pytest.fixture
def tensors():
    return torch_tensors(random_params())


def write_shards(folder, tensors, index, shard):
    """Three files and their index."""
    weight_map = {}
    for i in range(3):
        name = shard.format(i + 1)
        part = dict(list(tensors.items())[i::3])
        save_file(part, folder / name)
        weight_map |= dict.fromkeys(part, name)
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map})
    (folder / index).write_text(text)


@pytest.mark.parametrize(
    "index, shard",
    [
        (f"{STEM}.safetensors.index.json", f"{STEM}-0000{{}}-of-00003.safetensors"),
        (f"{STEM}.safetensors.index.fp16.json", f"{STEM}.fp16-0000{{}}-of-00003.safetensors"),
        ("model.safetensors.index.json", "model-0000{}-of-00003.safetensors"),
    ],
)
def test_several_files(tmp_path, tensors, index, shard):
    write_shards(tmp_path, tensors, index, shard)
    assert_equal(load_params(template(), tmp_path), random_params())


@pytest.mark.parametrize("name", ["model.safetensors", f"{STEM}.fp16.safetensors", FILE])
def test_one_file(tmp_path, tensors, name):
    assert_equal(load_params(template(), write(tmp_path, tensors, name)), random_params())


def test_the_plain_file_comes_first(tmp_path, tensors):
    write(tmp_path, {"wrong.bias": np.ones(1)}, f"{STEM}.fp16.safetensors")
    write(tmp_path, {"wrong.bias": np.ones(1)}, f"{STEM}.non_ema.safetensors")
    assert_equal(load_params(template(), write(tmp_path, tensors)), random_params())


def test_a_missing_shard(tmp_path, tensors):
    write_shards(tmp_path, tensors, "model.safetensors.index.json", "model-{}-of-3.safetensors")
    (tmp_path / "model-2-of-3.safetensors").unlink()
    with pytest.raises(UserError, match=r"names 3 files, but model-2-of-3.safetensors is missing"):
        load_params(template(), tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"metadata": {}}', '{"weight_map": ["a"]}'])
def test_a_damaged_index(tmp_path, text):
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(UserError, match=r"(is no|expected an) index of safetensors"):
        load_params(template(), tmp_path)


@pytest.mark.parametrize("left", [0.0, 0.0005, 0.1, 0.5, 0.999])
def test_a_file_that_is_cut_short(tmp_path, tensors, left):
    file = write(tmp_path, tensors) / FILE
    content = file.read_bytes()
    file.write_bytes(content[: int(left * len(content))])
    with pytest.raises(UserError, match=r"cut short or no safetensors file .*download it"):
        load_params(template(), tmp_path)


def test_a_pointer_of_git_lfs(tmp_path):
    (tmp_path / FILE).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\n")
    with pytest.raises(UserError, match=r"is a pointer of Git LFS.*run `git lfs pull`"):
        load_params(template(), tmp_path)


@pytest.mark.parametrize("name", [f"{STEM}.bin", "pytorch_model.bin", "model.ckpt", "unet.pt"])
def test_pickles_are_refused(tmp_path, name):
    (tmp_path / "model" / "unet").mkdir(parents=True)
    (tmp_path / "model" / "unet" / name).write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match=r"only as a pickle.*P\.from_pretrained\('.*/model'\)"):
        list(read_tensors(tmp_path / "model" / "unet"))


def test_nothing_to_read(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds no weights; expected diffusion_pytorch_model"):
        load_params(template(), tmp_path)
    with pytest.raises(UserError, match=r"There is no folder '.*absent'"):
        load_params(template(), tmp_path / "absent")


@pytest.mark.parametrize(
    "name",
    [
        *("../x.safetensors", "/x.safetensors", "a/x.safetensors", "c:x.safetensors", "x.bin", ""),
        *("x\0.safetensors", "..", ".safetensors", None, 3, ["x.safetensors"]),
    ],
)
def test_an_index_that_names_anything_but_files_beside_it(tmp_path, tensors, name):
    write(tmp_path.parent, tensors, "x.safetensors")
    content = json.dumps({"weight_map": {"conv_in.bias": name}})
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(UserError, match=r"names .*, expected \.safetensors files beside it only"):
        load_params(template(), tmp_path)


def test_shards_that_are_no_files(tmp_path, tensors):
    write_shards(tmp_path, tensors, "model.safetensors.index.json", "model-{}-of-3.safetensors")
    (tmp_path / "model-2-of-3.safetensors").unlink()
    (tmp_path / "model-2-of-3.safetensors").mkdir()
    with pytest.raises(UserError, match=r"but model-2-of-3.safetensors is missing"):
        load_params(template(), tmp_path)
    (tmp_path / "model-2-of-3.safetensors").rmdir()
    (tmp_path / "model-2-of-3.safetensors").symlink_to("../../blobs/gone")
    with pytest.raises(UserError, match=r"model-2-of-3.safetensors' is a link to '../../blobs/go"):
        load_params(template(), tmp_path)


def test_a_link_to_nothing_and_a_folder_in_place_of_weights(tmp_path):
    (tmp_path / FILE).symlink_to("../../blobs/gone")
    with pytest.raises(UserError, match=rf"{FILE}' is a link to '../../blobs/gone', which is not"):
        load_params(template(), tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    with pytest.raises(UserError, match=f"{FILE}' is a folder, expected"):
        load_params(template(), tmp_path)


def test_names_and_shapes_come_from_the_heads(tmp_path, tensors):
    write(tmp_path, tensors)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    assert tensor_shapes(tmp_path) == shapes


def test_of_another_network_no_tensor_is_read(tmp_path, tensors, monkeypatch):
    write(tmp_path, tensors | {"extra.weight": np.ones(2, np.float32)})
    monkeypatch.setattr(safetensors_files, "_tensor", lambda *_: pytest.fail("a tensor is read"))
    with pytest.raises(UserError, match="1 surplus"):
        load_params(template(), tmp_path)


def test_weights_that_are_quantised(tmp_path, tensors):
    buffers = {"text_model.position_ids": np.ones(3, np.int64)}
    write(tmp_path, tensors | buffers)
    assert_equal(load_params(template(), tmp_path), random_params())
    write(tmp_path, tensors | {"conv_in.bias": np.ones(6, np.int8)})
    with pytest.raises(UserError, match=r"holds 'conv_in.bias' as I8, expected F64, .* quantised"):
        load_params(template(), tmp_path)
