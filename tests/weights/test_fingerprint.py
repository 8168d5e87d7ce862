"""A component's hash depends on what it holds and on nothing else."""

import os
import shutil

import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.weights.fingerprint import fingerprint
from tests import reference

MODEL = reference.FOLDER / "tiny" / "sd1_tiny"


@pytest.fixture
def copy(tmp_path):
    for component in ("unet", "tokenizer"):
        shutil.copytree(MODEL / component, tmp_path / "copy" / component)
    return tmp_path / "copy"


def test_place_time_and_bystanders_do_not_matter(copy):
    (copy / "unet" / "README.md").write_text("hello")
    (copy / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"not used")
    for file in (copy / "unet").iterdir():
        os.utime(file, (1, 1))
    found = fingerprint(copy, "unet")
    assert found == fingerprint(str(MODEL), "unet")
    assert len(found) == 64 and int(found, 16)


@pytest.mark.parametrize(
    "component, name",
    [
        ("unet", "config.json"),
        ("unet", "diffusion_pytorch_model.safetensors"),
        ("tokenizer", "merges.txt"),
    ],
)
def test_one_byte_matters(copy, component, name):
    content = np.frombuffer((copy / component / name).read_bytes(), np.uint8).copy()
    content[-1] ^= 1
    (copy / component / name).write_bytes(content.tobytes())
    assert fingerprint(copy, component) != fingerprint(MODEL, component)


def test_shards_are_part_of_it(copy):
    unet = copy / "unet"
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / "model-1-of-1.safetensors")
    index = unet / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "model-1-of-1.safetensors"}}')
    before = fingerprint(copy, "unet")
    (unet / "model-1-of-1.safetensors").write_bytes(b"")
    assert fingerprint(copy, "unet") != before


def test_no_such_component(copy):
    with pytest.raises(UserError, match="has no component 'vae'"):
        fingerprint(copy, "vae")
