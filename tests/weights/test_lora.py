"""LoRA files of every naming against the sum by hand; and those that are refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from sdjax.config.errors import UserError
from sdjax.weights.lora import given_lora
from sdjax.weights.lora_files import lora_file
from sdjax.weights.low_rank import changed

RANK = 2
Q = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"
OUT = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"
CONV = "down_blocks.0.resnets.0.conv1.weight"
TEXT = "text_model.encoder.layers.0.self_attn.q_proj.weight"
SHAPES = {
    "unet": {Q: (4, 4), OUT: (4, 6), CONV: (5, 4, 3, 3), "conv_in.bias": (4,)},
    "text_encoder": {TEXT: (6, 3)},
}
ATTENTION = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
NAMINGS = {
    "first": {
        Q: f"unet.{ATTENTION}.processor.to_q_lora.ROLE.weight",
        OUT: f"unet.{ATTENTION}.processor.to_out_lora.ROLE.weight",
        TEXT: "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.ROLE.weight",
    },
    "second": {
        Q: f"unet.{ATTENTION}.to_q.lora.ROLE.weight",
        OUT: f"unet.{ATTENTION}.to_out.0.lora.ROLE.weight",
        CONV: "unet.down_blocks.0.resnets.0.conv1.lora.ROLE.weight",
        TEXT: "text_encoder.text_model.encoder.layers.0.self_attn.q_proj"
        ".lora_linear_layer.ROLE.weight",
    },
    "PEFT": {
        Q: f"unet.{ATTENTION}.to_q.lora_PEFT.weight",
        OUT: f"unet.{ATTENTION}.to_out.0.lora_PEFT.default.weight",
        CONV: "unet.down_blocks.0.resnets.0.conv1.lora_PEFT.weight",
        TEXT: "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_PEFT.weight",
    },
    "without the tower": {TEXT: "text_encoder.encoder.layers.0.self_attn.q_proj.lora_PEFT.weight"},
    "without a prefix": {
        Q: f"base_model.model.{ATTENTION}.to_q.lora_PEFT.weight",
        TEXT: "base_model.model.text_model.encoder.layers.0.self_attn.q_proj.lora_PEFT.weight",
    },
    "kohya": {
        Q: f"lora_unet_{ATTENTION.replace('.', '_')}_to_q.lora_ROLE.weight",
        OUT: f"lora_unet_{ATTENTION.replace('.', '_')}_to_out_0.lora_ROLE.weight",
        CONV: "lora_unet_down_blocks_0_resnets_0_conv1.lora_ROLE.weight",
        TEXT: "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_ROLE.weight",
    },
}


def shape_of(weight):
    return {**SHAPES["unet"], **SHAPES["text_encoder"]}[weight]


def drawn(weight):
    """Random (down, up), as convolutions where the weight is one."""
    random, (outside, inside, *window) = np.random.default_rng(len(weight)), shape_of(weight)
    down = random.normal(size=(RANK, inside, *window)).astype(np.float32)
    return down, random.normal(size=(outside, RANK, *(1 for _ in window))).astype(np.float32)


def tensors_of(naming):
    """The tensors of a file, by names of one naming."""
    found = {}
    for weight, name in NAMINGS[naming].items():
        for role, peft, matrix in zip(("down", "up"), "AB", drawn(weight), strict=True):
            found[name.replace("ROLE", role).replace("PEFT", peft)] = matrix
    return found


def product(weight):
    down, up = drawn(weight)
    return np.einsum("or,ri->oi", up.reshape(-1, RANK), down.reshape(RANK, -1))


def added(paths, scale=1.0):
    """What is added to weights of ones, by their names; only what is different."""
    lora, found = given_lora(paths, scale, SHAPES), {}
    for component, shapes in SHAPES.items():
        ones = [(name, np.ones(shape, np.float16)) for name, shape in shapes.items()]
        for name, array in changed(ones, lora.changes(component)):
            if np.any(array != 1):
                found[name] = array - 1
    return found


def assert_added(found, weights, scale):
    assert set(found) == set(weights)
    for weight, difference in found.items():
        expected = scale * product(weight).reshape(shape_of(weight))
        np.testing.assert_allclose(difference, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_naming(naming, tmp_path):
    save_file(tensors_of(naming), tmp_path / "lora.safetensors")
    assert_added(added([tmp_path / "lora.safetensors"], 0.5), NAMINGS[naming], 0.5)


def test_an_alpha_of_kohya_is_divided_by_the_rank(tmp_path):
    tensors, alpha = tensors_of("kohya"), np.asarray(0.5, np.float32)
    layers = {name.partition(".")[0] for name in tensors}
    file = tmp_path / "lora.safetensors"
    save_file(tensors | {f"{layer}.alpha": alpha for layer in layers}, file)
    assert_added(added([file], 3.0), NAMINGS["kohya"], 3.0 * 0.5 / RANK)


@pytest.mark.parametrize(
    ("said", "scale"),
    [({}, 1.0), ({"lora_alpha": 3}, 1.5), ({"lora_alpha": 3, "use_rslora": True}, 3 / 2**0.5)],
)
def test_an_alpha_in_the_head(said, scale, tmp_path):
    fields = {f"{part}.{name}": v for part in SHAPES for name, v in said.items()}
    head = {"lora_adapter_metadata": json.dumps(fields)}
    save_file(tensors_of("PEFT"), tmp_path / "lora.safetensors", head)
    assert_added(added([tmp_path / "lora.safetensors"]), NAMINGS["PEFT"], scale)


def test_an_alpha_of_one_layer(tmp_path):
    fields = {"unet.lora_alpha": 2, "unet.alpha_pattern": {f"{ATTENTION}.to_q": 6}}
    tensors = {name: array for name, array in tensors_of("PEFT").items() if "unet" in name}
    file = tmp_path / "lora.safetensors"
    save_file(tensors, file, {"lora_adapter_metadata": json.dumps(fields)})
    found = added([file])
    np.testing.assert_allclose(found[Q], 3 * product(Q), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[OUT], product(OUT), rtol=1e-4, atol=1e-5)


def test_folders_of_diffusers_and_of_peft_and_both_together(tmp_path):
    for name in ("diffusers", "peft"):
        (tmp_path / name).mkdir()
    save_file(tensors_of("second"), tmp_path / "diffusers" / "pytorch_lora_weights.safetensors")
    tensors = tensors_of("without a prefix")
    save_file(tensors, tmp_path / "peft" / "adapter_model.safetensors")
    (tmp_path / "peft" / "adapter_config.json").write_text('{"lora_alpha": 4, "r": 2}')
    found = added([tmp_path / "diffusers", tmp_path / "peft"])
    assert_added({Q: found[Q]}, [Q], 3.0)
    assert_added({OUT: found[OUT]}, [OUT], 1.0)


def write(folder, **changes):
    """A file of PEFT's naming with tensors more, or less where None."""
    tensors = {**tensors_of("PEFT"), **changes}
    kept = {name: array for name, array in tensors.items() if array is not None}
    save_file(kept, folder / "lora.safetensors")
    return folder / "lora.safetensors"


A = f"unet.{ATTENTION}.to_q.lora_A.weight"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lora_unet_conv_in.hada_w1_a": np.ones(2)}, "expected a LoRA of plain"),
        ({"lora_unet_conv_in.lora_mid.weight": np.ones(2)}, "no LoCon, LoHa, DoRA"),
        ({f"unet.{ATTENTION}.to_q.lora_magnitude_vector": np.ones(2)}, "no LoCon, LoHa, DoRA"),
        ({f"unet.{ATTENTION}.to_q.dora_scale": np.ones(2)}, "no LoCon, LoHa, DoRA"),
        ({A: None}, "has no down matrix for 'unet.down_blocks"),
        ({A: np.ones((2, 5))}, r"\[4, 2\] times \[2, 5\] .*, which is \[4, 4\] in this model"),
        ({A: np.ones((3, 4))}, r"\[4, 2\] times \[3, 4\]"),
        ({A: np.full((2, 4), np.nan)}, "not finite"),
        ({A: np.ones((2, 4), np.int8)}, "as I8, expected"),
        (
            {"lora_te2_x.lora_up.weight": np.ones(2), "lora_te2_x.lora_down.weight": np.ones(2)},
            "changes 1 layers that this model has not, 'lora_te2_x' .* such as SDXL",
        ),
    ],
)
def test_what_is_refused(changes, words, tmp_path):
    with pytest.raises(UserError, match=words):
        added([write(tmp_path, **changes)])


@pytest.mark.parametrize("name", ["use_dora", "lora_bias"])
def test_settings_of_peft_that_change_the_product(name, tmp_path):
    file = tmp_path / "adapter_model.safetensors"
    save_file(tensors_of("without a prefix"), file)
    with pytest.raises(UserError, match=r"adapter_config\.json' is missing"):
        added([file])
    (tmp_path / "adapter_config.json").write_text(json.dumps({name: True}))
    with pytest.raises(UserError, match=f"asks for {name} True, expected a plain LoRA"):
        added([file])


def test_no_such_file(tmp_path):
    with pytest.raises(UserError, match="is missing, expected a LoRA"):
        added([tmp_path / "absent.safetensors"])
    with pytest.raises(UserError, match=r"holds 0 \.safetensors files, expected pytorch_lora_we"):
        added([tmp_path])
    (tmp_path / "pytorch_lora_weights.bin").write_bytes(b"\x80")
    with pytest.raises(UserError, match=r"is no \.safetensors file.* any code when read"):
        added([tmp_path])
    (tmp_path / "cut.safetensors").write_bytes(b"\x80")
    with pytest.raises(UserError, match="cut short or no safetensors file"):
        added([tmp_path / "cut.safetensors"])


def test_the_fingerprint_knows_files_and_scale(tmp_path):
    file = write(tmp_path)
    first, stronger, none = (
        given_lora(paths, scale, SHAPES).fingerprint()
        for paths, scale in (([file], 1.0), ([file], 2.0), ([], 2.0))
    )
    assert none == "" and len({first, stronger, none}) == 3
    write(tmp_path, **{A: np.ones((2, 4))})
    assert given_lora([file], 1.0, SHAPES).fingerprint() != first


@pytest.mark.parametrize("given", ["~nobody-here/lora.safetensors", "a\0b", "x" * 300])
def test_a_path_that_cannot_be_is_missing(given):
    with pytest.raises(UserError, match="is missing, expected a LoRA"):
        lora_file(given)
