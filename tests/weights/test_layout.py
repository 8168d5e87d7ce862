"""The rules between Flax and PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjax.weights.layout import (
    current_name,
    fits,
    is_beside,
    is_parameter,
    to_flax,
    to_torch,
    torch_tensor,
)
from tests.weights.small import TABLE

PLAIN = st.sampled_from(["attn1", "conv_in", "mid_block", "proj_out", "linear_1", "linear_2"])
LISTED = st.builds("{}_{}".format, st.sampled_from(["layers", "net", "to_out"]), st.integers(0, 30))
PATHS = st.lists(PLAIN | LISTED, min_size=1, max_size=4).map(tuple)
SIZES = st.integers(1, 4)
LEAVES = st.one_of(
    st.tuples(st.sampled_from(["bias", "scale", "class_embedding"]), st.tuples(SIZES)),
    st.tuples(st.just("embedding"), st.tuples(SIZES, SIZES)),
    st.tuples(st.just("kernel"), st.tuples(SIZES, SIZES)),
    st.tuples(st.just("kernel"), st.tuples(SIZES, SIZES, SIZES)),
    st.tuples(st.just("kernel"), st.tuples(SIZES, SIZES, SIZES, SIZES)),
)


@pytest.mark.parametrize("path, shape, name, torch_shape", TABLE)
def test_names_and_shapes(path, shape, name, torch_shape):
    tensor = torch_tensor(tuple(path.split("/")), shape)
    assert (tensor.name, tensor.shape) == (name, torch_shape)


def test_a_convolution_turns_each_entry():
    stored = np.arange(6 * 4 * 3 * 5).reshape(6, 4, 3, 5)
    kernel = to_flax(torch_tensor(("conv", "kernel"), (3, 5, 4, 6)), stored)
    assert kernel[1, 4, 2, 5] == stored[5, 2, 1, 4]


@given(PATHS, LEAVES)
def test_there_and_back(modules, leaf):
    name, shape = leaf
    tensor = torch_tensor((*modules, name), shape)
    parameter = np.arange(np.prod(shape)).reshape(shape)
    stored = to_torch(tensor, parameter)
    assert stored.shape == tensor.shape
    np.testing.assert_array_equal(to_flax(tensor, stored), parameter)


@given(st.sets(PATHS, min_size=2, max_size=8))
def test_different_modules_have_different_names(paths):
    assert len({torch_tensor((*p, "kernel"), (2, 3)).name for p in paths}) == len(paths)


@given(PATHS)
def test_an_index_is_joined_or_a_level_of_its_own(modules):
    """As the old Flax text encoders have it."""
    levels = []
    for module in modules:
        stem, _, index = module.rpartition("_")
        split = index.isdigit() and not module.startswith("linear")
        levels += [stem, index] if split else [module]
    joined = torch_tensor((*modules, "bias"), (2,))
    assert torch_tensor((*levels, "bias"), (2,)) == joined


@pytest.mark.parametrize(
    "stored, expected",
    [
        ("mid.attentions.0.query.weight", "mid.attentions.0.to_q.weight"),
        ("mid.attentions.0.key.bias", "mid.attentions.0.to_k.bias"),
        ("mid.attentions.0.value.weight", "mid.attentions.0.to_v.weight"),
        ("mid.attentions.0.proj_attn.bias", "mid.attentions.0.to_out.0.bias"),
        ("encoder.layers.0.fc1.weight", "text_model.encoder.layers.0.fc1.weight"),
        ("encoder.layers.0.fc1.weight", "vision_model.encoder.layers.0.fc1.weight"),
        ("text_model.encoder.layers.0.fc1.weight", "encoder.layers.0.fc1.weight"),
        ("text_projection.weight", "text_projection.weight"),
    ],
)
def test_older_and_newer_names(stored, expected):
    assert current_name(stored, {expected, "other.weight"}) == expected
    assert current_name(stored, {"other.weight"}) == stored


def test_a_name_that_is_expected_keeps_its_meaning():
    both = {"encoder.weight", "text_model.encoder.weight"}
    assert current_name("encoder.weight", both) == "encoder.weight"


@pytest.mark.parametrize(
    "path, shape, fitting",
    [
        (("mid", "attentions_0", "to_q", "kernel"), (6, 4, 1, 1), True),
        (("mid", "attentions_0", "to_out_0", "kernel"), (6, 4), True),
        (("mid", "attentions_0", "to_q", "kernel"), (6, 4, 1), False),
        (("mid", "attentions_0", "to_q", "kernel"), (6, 4, 3, 1), False),
        (("mid", "attentions_0", "to_q", "kernel"), (4, 6), False),
        (("mid", "attentions_0", "proj_in", "kernel"), (6, 4, 1, 1), False),
    ],
)
def test_only_attention_of_old_autoencoders_is_squeezed(path, shape, fitting):
    assert fits(torch_tensor(path, (4, 6)), shape) is fitting


@pytest.mark.parametrize(
    "name, parameter",
    [
        ("text_model.embeddings.position_ids", False),
        ("position_ids", False),
        ("norm.num_batches_tracked", False),
        ("text_model.embeddings.position_embedding.weight", True),
    ],
)
def test_buffers_are_no_parameters(name, parameter):
    assert is_parameter(name) is parameter


@pytest.mark.parametrize(
    "name, beside",
    [
        ("logit_scale", True),
        ("vision_model.encoder.layers.0.mlp.fc1.bias", True),
        ("visual_projection.weight", True),
        ("text_projection.weight", True),
        ("text_model.encoder.layers.23.mlp.fc1.bias", False),
        ("extra.weight", False),
    ],
)
def test_what_a_whole_clip_has_beside_its_text_encoder(name, beside):
    assert is_beside(name, ["text_model.embeddings.position_embedding.weight"]) is beside
    assert not is_beside(name, ["conv_in.weight"])


def test_a_camera_embedding_may_be_a_class_embedding():
    """As diffusers can have it; a CLIP's own class embedding is no such table."""
    ours, theirs = "camera_embedding.linear_1.weight", "class_embedding.linear_1.weight"
    assert current_name(theirs, {ours}) == ours
    assert current_name(theirs, {theirs}) == theirs
    assert current_name("class_embedding", {"camera_embedding"}) == "class_embedding"
