"""A CLIP is read as it was written, and what is none is one sentence."""

import json

import jax
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.prior_training.clip_model import is_clip, new_clip, read_clip, write_clip
from sdjax.prior_training.image_encoder import read_image_encoder
from tests.prior_training import small_clip


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    return tmp_path_factory.mktemp("words")


@pytest.fixture(scope="module")
def clip(words):
    return small_clip.clip(words)


@pytest.fixture
def folder(clip, words, tmp_path):
    write_clip(clip, tmp_path / "clip", words, "float32")
    return tmp_path / "clip"


def test_a_clip_is_read_as_it_was_written(clip, folder, tmp_path):
    assert is_clip(folder) and not is_clip(tmp_path)
    read = read_clip(folder)
    assert read.table == clip.table and read.towers == clip.towers
    jax.tree.map(np.testing.assert_array_equal, read.params, clip.params)
    np.testing.assert_array_equal(read.tokenize(["a red mug"]), clip.tokenize(["a red mug"]))


def test_the_processor_is_told_the_size(folder):
    pixels = json.loads((folder / "preprocessor_config.json").read_text())
    size = small_clip.SIZE
    assert pixels["size"] == {"shortest_edge": size} and pixels["crop_size"]["width"] == size


def test_its_image_tower_is_an_image_encoder(clip, folder):
    encoder = read_image_encoder(folder)
    assert encoder.network.config.projection_dim == 6
    jax.tree.map(np.testing.assert_array_equal, encoder.params, clip.params["vision"])


def test_written_again_beside_its_own_words(clip, folder):
    write_clip(clip, folder, folder, "float16")
    read = read_clip(folder)
    assert {leaf.dtype for leaf in jax.tree.leaves(read.params)} == {np.dtype("float32")}


def test_a_new_one_has_its_own_random_numbers_in_each_part(clip, words):
    one, other = (new_clip(clip.table, words, jax.random.key(seed)) for seed in (0, 1))
    assert one.params["logit_scale"] == pytest.approx(np.log(1 / 0.07))
    for part in ("text", "vision"):
        leaves = zip(*(jax.tree.leaves(c.params[part]) for c in (one, other)), strict=True)
        assert any(not np.array_equal(a, b) for a, b in leaves)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model_type": "clip_text_model"}, "of type 'clip_text_model', expected a whole CLIP"),
        ({"vision_config": None}, "expected a whole CLIP"),
        ({"projection_dim": 7}, "projection"),
    ],
)
def test_what_cannot_be_is_one_sentence(folder, fields, sentence):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))
    with pytest.raises(UserError, match=sentence):
        read_clip(folder)


def test_a_folder_without_one_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="is missing, expected the settings of a CLIP"):
        read_clip(tmp_path / "nowhere")
