"""Which files are read, and which are downloaded."""

import pytest

from sdjax.weights.choice import best_weights, needed_files

STEM = "diffusion_pytorch_model"
ORDER = [
    f"{STEM}.safetensors",
    f"{STEM}.safetensors.index.json",
    f"{STEM}.fp16.safetensors",
    f"{STEM}.fp16.safetensors.index.json",
    f"{STEM}.bf16.safetensors",
    f"{STEM}.non_ema.safetensors",
    "diffusion_flax_model.msgpack",
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_order(first):
    names = [*reversed(ORDER[first:]), f"{STEM}.bin", "config.json"]
    assert best_weights(names) == ORDER[first]


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "model.fp16.safetensors", "flax_model.msgpack"]
    + [f"model{place}.json" for place in (".safetensors.index", ".safetensors.index.fp16")]
    + [f"model{place}.json" for place in (".fp16.safetensors.index", ".safetensors.fp16.index")],
)
def test_names_of_either_library(name):
    assert best_weights([name]) == name


@pytest.mark.parametrize(
    "name",
    ["pytorch_model.bin", "model.ckpt", "model-00001-of-00002.safetensors", "v1-5.safetensors"],
)
def test_these_are_not_chosen(name):
    assert best_weights([name, "config.json"]) is None


SHARDS = ["-00001-of-00002.fp16", ".fp16-00001-of-00002", "-00001-of-00002"]


@pytest.mark.parametrize(
    "index, shards", [("safetensors.index.fp16", SHARDS[:2]), ("safetensors.index", SHARDS[2:])]
)
def test_an_index_needs_the_shards_of_its_variant(index, shards):
    names = [f"model.{index}.json", *(f"model{shard}.safetensors" for shard in SHARDS)]
    expected = [f"model.{index}.json", *(f"model{shard}.safetensors" for shard in shards)]
    assert needed_files([*names, "config.json"]) == sorted([*expected, "config.json"])
