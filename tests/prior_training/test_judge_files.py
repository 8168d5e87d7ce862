"""A judge is read as it was written, and what is none is one sentence."""

import json

import jax
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.prior_training.classifier import Classifier, Judge
from sdjax.prior_training.judge_files import is_judge, read_judge, write_judge
from tests.networks.components import random_params

SMALL = Classifier((4, 6, 8), 10, 32)


@pytest.fixture
def judge():
    return Judge(random_params(SMALL), SMALL)


def test_a_judge_is_read_as_it_was_written(judge, tmp_path):
    assert not is_judge(tmp_path / "judge")
    write_judge(judge, tmp_path / "judge", "float32")
    assert is_judge(tmp_path / "judge")
    read = read_judge(tmp_path / "judge")
    assert read.network == SMALL
    jax.tree.map(np.testing.assert_array_equal, read.params, judge.params)


def test_half_precision_is_read_as_float32(judge, tmp_path):
    write_judge(judge, tmp_path, "float16")
    read = read_judge(str(tmp_path))
    assert {leaf.dtype for leaf in jax.tree.leaves(read.params)} == {np.dtype("float32")}
    assert tmp_path.joinpath("model.safetensors").stat().st_size < 3 * sum(
        leaf.size for leaf in jax.tree.leaves(judge.params)
    )


def changed(file, **fields):
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model_type": "clip"}, "is no judge .model_type 'clip'., expected a folder that"),
        ({"questions": {"object": ["mug"]}}, "is of another version, which was asked other"),
        ({"channels": [4, 6]}, "is of another version"),
        ({"hidden": 0}, "hidden is 0, expected a whole number"),
        ({"hidden": 12}, "hidden"),  # the weights are of another size
    ],
)
def test_what_cannot_be_is_one_sentence(judge, tmp_path, fields, sentence):
    write_judge(judge, tmp_path, "float32")
    changed(tmp_path / "config.json", **fields)
    with pytest.raises(UserError, match=sentence):
        read_judge(tmp_path)


def test_a_folder_without_one_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="is missing, expected the settings of a judge"):
        read_judge(tmp_path / "nowhere")
