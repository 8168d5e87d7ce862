"""Loading and saving a component."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.weights.load import load_params, save_params
from tests.weights.small import (
    FILE,
    NAMES,
    assert_equal,
    random_params,
    template,
    torch_tensors,
    write,
)


@pytest.fixture
def tensors():
    return torch_tensors(random_params())


def failure(tmp_path, tensors) -> list[str]:
    """The lines of the error."""
    with pytest.raises(UserError) as caught:
        load_params(template(), write(tmp_path, tensors))
    return str(caught.value).splitlines()


def test_every_kind_of_layer(tmp_path, tensors):
    params = load_params(template(), write(tmp_path, tensors))
    assert_equal(params, random_params())
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("stored", [np.float16, ml_dtypes.bfloat16, np.float32])
@pytest.mark.parametrize("wanted", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_dtypes(tmp_path, stored, wanted):
    folder = write(tmp_path, torch_tensors(random_params(dtype=stored)))
    assert_equal(load_params(template(wanted), folder), random_params(dtype=stored), wanted)
    assert_equal(load_params(template(), folder, wanted), random_params(dtype=stored), wanted)


def test_conversion_rounds_to_nearest(tmp_path):
    """65504 is the largest float16, 2^-24 the smallest; 1 + 2^-8 is a tie of bfloat16."""
    stored = np.asarray([65504.0, 2.0**-24, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 1.25], np.float16)
    shapes = {"a": {"bias": jax.ShapeDtypeStruct((5,), jnp.float32)}}
    folder = write(tmp_path, {"a.bias": stored})
    exact = load_params(shapes, folder)["a"]["bias"]
    np.testing.assert_array_equal(exact, stored.astype(np.float32))
    rounded = load_params(shapes, folder, jnp.bfloat16)["a"]["bias"].astype(jnp.float32)
    np.testing.assert_array_equal(rounded, [65536.0, 2.0**-24, 1.0, 1 + 2.0**-6, 1.25])


def test_saving_is_the_inverse(tmp_path, tensors):
    file = save_params(jax.tree.map(jnp.asarray, random_params()), tmp_path / "new", FILE)
    assert file == tmp_path / "new" / FILE
    assert_equal(load_params(template(), tmp_path / "new"), random_params())
    assert file.read_bytes() == (write(tmp_path, tensors) / FILE).read_bytes()


def test_saving_keeps_the_dtype(tmp_path):
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.bfloat16), random_params())
    save_params(params, tmp_path, FILE)
    assert_equal(load_params(template(jnp.bfloat16), tmp_path), params, jnp.bfloat16)


def test_buffers_old_names_and_squeezed_attention(tmp_path, tensors):
    old = {"to_q": "query", "to_out.0": "proj_attn"}
    for new, name in old.items():
        weight = tensors.pop(f"mid.attentions.0.{new}.weight")
        tensors[f"mid.attentions.0.{name}.weight"] = weight[:, :, None, None]
    tensors["text_model.embeddings.position_ids"] = np.arange(77)[None]
    assert_equal(load_params(template(), write(tmp_path, tensors)), random_params())


@pytest.mark.parametrize("keep", [True, False])
def test_a_text_tower_with_and_without_its_prefix(tmp_path, tensors, keep):
    prefix = "text_model."
    stored = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    inside = template()["text_model"]
    stored = {prefix + k: v for k, v in stored.items()} if keep else stored
    folder = write(tmp_path, stored)
    expected = random_params()["text_model"]
    assert_equal(load_params(inside, folder), expected)
    assert_equal(load_params({"text_model": inside}, folder), {"text_model": expected})


def test_every_mismatch_is_named_at_once(tmp_path, tensors):
    del tensors["conv_in.bias"], tensors["ff.net.2.weight"]
    tensors["extra.weight"] = np.ones((2, 3), np.float32)
    tensors["attn1.to_out.0.weight"] = np.ones((6, 5), np.float32)
    first, *lines = failure(tmp_path, tensors)
    assert first == (
        f"'{tmp_path}' holds weights of another network than its configuration describes "
        f"(15 tensors); take both from the same model (2 missing, 1 surplus, 1 misshapen)."
    )
    assert lines == [
        "missing:",
        "  conv_in.bias [6]",
        "  ff.net.2.weight [6, 9]",
        "surplus:",
        "  extra.weight [2, 3]",
        "misshapen:",
        "  attn1.to_out.0.weight [6, 5], expected [6, 6]",
    ]


def test_another_network_altogether(tmp_path):
    _, *lines = failure(tmp_path, {f"blocks.{i}.bias": np.ones(2, np.float32) for i in range(300)})
    named = {line.split()[0] for line in lines}
    assert named >= {*NAMES, *(f"blocks.{i}.bias" for i in range(300))}


def test_a_tensor_stored_under_both_names_is_surplus(tmp_path, tensors):
    tensors["mid.attentions.0.query.weight"] = tensors["mid.attentions.0.to_q.weight"]
    assert "1 surplus" in failure(tmp_path, tensors)[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32])
def test_numbers_that_are_not_finite(tmp_path, value, dtype):
    tensors = torch_tensors(random_params(dtype=dtype))
    tensors["conv_in.weight"][0, 0, 0, 0] = value
    tensors["ff.net.2.weight"][-1, -1] = value
    first, *lines = failure(tmp_path, tensors)
    assert first == (
        f"'{tmp_path}' holds numbers that are not finite; download or convert it again "
        f"(2 not finite)."
    )
    assert lines == ["not finite:", "  conv_in.weight", "  ff.net.2.weight"]


def test_of_a_whole_clip_one_tower_is_read(tmp_path):
    tower = {"text_model": {"norm": {"scale": jax.ShapeDtypeStruct((3,), np.float32)}}}
    ones = {"text_model.norm.weight": np.ones(3, np.float32)}
    beside = {"logit_scale": np.ones(1), "vision_model.norm.weight": np.ones(4)}
    read = load_params(tower, write(tmp_path, ones | beside))
    assert jax.tree.leaves(read)[0].shape == (3,)
    with pytest.raises(UserError, match="1 surplus"):
        load_params(tower, write(tmp_path, ones | {"text_model.more.weight": np.ones(4)}))
