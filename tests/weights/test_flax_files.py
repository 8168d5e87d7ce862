"""The old Flax weights: the same numbers whatever the nesting, and damage told in a sentence."""

import flax.serialization
import ml_dtypes
import msgpack
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from sdjax.config.errors import UserError
from sdjax.weights.load import load_params
from tests.weights.small import assert_equal, random_params, template


def levels(path):
    """Every list index as a level of its own."""
    for module in path:
        stem, _, index = module.rpartition("_")
        listed = index.isdigit() and not module.startswith("linear")
        yield from (stem, index) if listed else (module,)


NESTINGS = {
    "joined": lambda params: params,
    "levels": lambda params: unflatten_dict(
        {tuple(levels(path)): leaf for path, leaf in flatten_dict(params).items()}
    ),
    "wrapped": lambda params: {"params": params},
}


def write(folder, params, name="diffusion_flax_model.msgpack"):
    """As `save_pretrained` of diffusers' and transformers' Flax models wrote it."""
    (folder / name).write_bytes(flax.serialization.to_bytes(params))
    return folder / name


@pytest.mark.parametrize("nesting", NESTINGS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_nestings_and_dtypes(tmp_path, nesting, dtype):
    write(tmp_path, NESTINGS[nesting](random_params(dtype=dtype)), "flax_model.msgpack")
    assert_equal(load_params(template(), tmp_path), random_params(dtype=dtype))


def test_arrays_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(flax.serialization, "MAX_CHUNK_SIZE", 128)
    file = write(tmp_path, random_params())
    assert b"__msgpack_chunked_array__" in file.read_bytes()
    assert_equal(load_params(template(), tmp_path), random_params())


def test_old_names_of_attention(tmp_path):
    params = random_params()
    attention = params["mid"]["attentions_0"]
    attention["query"], attention["proj_attn"] = attention.pop("to_q"), attention.pop("to_out_0")
    write(tmp_path, params)
    assert_equal(load_params(template(), tmp_path), random_params())


def test_mismatches_have_the_names_of_pytorch(tmp_path):
    params = random_params()
    params["ff"]["net_9"] = params["ff"].pop("net_2")
    write(tmp_path, params)
    with pytest.raises(UserError, match=r"missing:\n  ff.net.2.weight .*\n.*\n  ff.net.9.weight"):
        load_params(template(), tmp_path)


@pytest.mark.parametrize("left", [0.0, 0.001, 0.01, 0.5, 0.999])
def test_a_file_that_is_cut_short(tmp_path, left):
    file = write(tmp_path, random_params())
    content = file.read_bytes()
    file.write_bytes(content[: int(left * len(content))])
    with pytest.raises(UserError, match="is cut short or no file of Flax weights"):
        load_params(template(), tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xc1",
        b"version https://git-lfs.github.com/spec/v1\n",
        msgpack.packb({"conv_in": {"bias": 3}}),
        msgpack.packb({"conv_in": [1, 2]}),
        msgpack.packb({3: {"bias": msgpack.ExtType(7, b"abc")}}),
        msgpack.packb({"a": msgpack.ExtType(1, b"abc")}),
        msgpack.packb({"a": msgpack.ExtType(1, msgpack.packb(((9, 9), "float32", b"abc")))}),
        msgpack.packb(msgpack.ExtType(1, msgpack.packb(((1,), "int8", b"a")))),
        msgpack.packb({"": {"a": msgpack.ExtType(1, msgpack.packb(((1,), "int8", b"a")))}}),
        msgpack.packb({"a": {"b": msgpack.ExtType(1, msgpack.packb(((2**62, 9), "O", b"")))}}),
        b"\x81\xa1a" * 100_000,
    ],
)
def test_something_else(tmp_path, content):
    (tmp_path / "flax_model.msgpack").write_bytes(content)
    with pytest.raises(UserError, match="is cut short or no file of Flax weights"):
        load_params(template(), tmp_path)
