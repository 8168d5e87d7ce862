"""The tensors of modules in memory, on stand-ins for PyTorch's."""

import ml_dtypes
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.weights.modules import module_tensors, uncompiled
from tests.weights.fake_modules import Compiled, MetaTensor, Module, adapted_layer


def ones(*shape, value=1.0, dtype=np.float32):
    return np.full(shape, value, dtype)


def read(module):
    return dict(module_tensors(module, "The network"))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_every_dtype_is_read_exactly(dtype):
    stored = np.asarray([1 / 3, -(2.0**-14), 3e4], dtype)
    (found,) = read(Module({}, {"norm.bias": stored})).values()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, stored.astype(np.float32))


def test_arrays_are_copies():
    tensors = {"a.weight": ones(2, 3), "b.bias": ones(4)}
    found = read(Module({}, tensors))
    for array in tensors.values():
        array += 1.0
    np.testing.assert_array_equal(found["a.weight"], ones(2, 3))
    np.testing.assert_array_equal(found["b.bias"], ones(4))


def test_a_compiled_module_is_the_one_inside():
    module = Module({}, {"a.weight": ones(2)})
    assert uncompiled(Compiled(module)) is module is uncompiled(module)


def adapted(*args, **adapters):
    """A module with one layer that has an adapter, and one beside it whose name begins alike."""
    tensors = {
        "down.to_q.base_layer.weight": ones(3, 3, value=2.0),
        "down.to_q.base_layer.bias": ones(3, value=3.0),
        "down.to_q.lora_A.style.weight": ones(1, 3),
        "down.to_q.lora_B.style.weight": ones(3, 1),
        "down.to_q.lora_magnitude_vector.style.weight": ones(3),
        "down.to_q2.weight": ones(3, value=4.0),
    }
    layers = {"down.to_q": adapted_layer(*args, **adapters), "down.to_q2": object()}
    return Module({}, tensors, layers)


@pytest.mark.parametrize(
    ("active", "fused", "disabled"),
    [
        (["style"], ["style"], False),
        (["style"], [], True),
        (["another layer's"], [], False),
        ([], [], False),
    ],
    ids=["fused", "disabled", "of another layer", "none active"],
)
def test_a_layer_with_adapters_is_the_layer_inside(active, fused, disabled):
    found = read(adapted(active, fused, disabled=disabled, lora_A={"style": 0}))
    assert found.keys() == {"down.to_q.weight", "down.to_q.bias", "down.to_q2.weight"}
    np.testing.assert_array_equal(found["down.to_q.weight"], ones(3, 3, value=2.0))
    np.testing.assert_array_equal(found["down.to_q.bias"], ones(3, value=3.0))


@pytest.mark.parametrize("kind", ["lora_A", "lora_embedding_A"])
def test_adapters_that_are_not_fused(kind):
    adapters = {"lora_A": {}, "lora_embedding_A": {}} | {kind: {"style": 0, "unused": 0}}
    with pytest.raises(UserError) as caught:
        read(adapted(["style", "another layer's"], [], **adapters))
    assert str(caught.value) == (
        "The network has LoRA weights that are not fused (style); call pipe.fuse_lora() first."
    )


def test_adapters_that_are_fused_and_disabled():
    """PyTorch takes them out again when it next computes."""
    with pytest.raises(UserError) as caught:
        read(adapted(["style"], ["style"], disabled=True, lora_A={"style": 0}))
    assert str(caught.value) == (
        "The network has LoRA weights that are fused and disabled; call pipe.unfuse_lora() or "
        "pipe.enable_lora() first."
    )


def test_weights_that_are_elsewhere():
    with pytest.raises(UserError, match=r"^The network has its weights offloaded; .*hooks\(\)"):
        read(Module({}, {"a.weight": MetaTensor(ones(2))}))
