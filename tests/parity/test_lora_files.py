"""LoRA files merged on loading, beside diffusers that reads and fuses the same files."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from safetensors.numpy import load_file, save_file

from sdjax.priors import stable_diffusion
from sdjax.priors.stable_diffusion import Precision
from tests import reference
from tests.parity.torch_models import diffusers, random, torch

peft = pytest.importorskip("peft")
pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("quick_compilation")]

FLOAT32 = Precision(jnp.float32, jnp.float32)
PROMPTS, RANK, STRENGTH = ["a red mug", ""], 2, 0.7
TARGETS = {
    "unet": ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.0.proj", "conv1"],
    "text_encoder": ["q_proj", "k_proj", "v_proj", "out_proj", "fc1"],
}


def opened(name):
    folder = reference.FOLDER / "tiny" / name
    return diffusers.StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)


def matrices(network, targets):
    """Random adapters of the layers whose names end so, as PEFT names and shapes them."""
    state = {}
    for name, layer in network.named_modules():
        if name.endswith(tuple(f".{target}" for target in targets)):
            outside, inside, *window = layer.weight.shape
            shapes = {"A": (RANK, inside, *window), "B": (outside, RANK, *(1 for _ in window))}
            for role, shape in shapes.items():
                drawn = 0.3 * random(*shape, seed=len(state))
                state[f"{name}.lora_{role}.weight"] = torch.from_numpy(drawn)
    return state


def configuration(targets, alpha):
    made = peft.LoraConfig(r=RANK, lora_alpha=alpha, target_modules=targets).to_dict()
    return made | {"target_modules": targets}


def write_peft(name, folder, alpha=None):
    """As diffusers' training scripts save it, with an `alpha` in the head if there is one."""
    pipe = opened(name)
    states = {part: matrices(getattr(pipe, part), targets) for part, targets in TARGETS.items()}
    said = {
        f"{part}_lora_adapter_metadata": alpha and configuration(targets, alpha)
        for part, targets in TARGETS.items()
    }
    pipe.save_lora_weights(
        folder,
        unet_lora_layers=states["unet"],
        text_encoder_lora_layers=states["text_encoder"],
        **said,
    )
    return folder / "pytorch_lora_weights.safetensors"


def renamed(file, old_file, change):
    save_file({change(name): tensor for name, tensor in load_file(file).items()}, old_file)
    return old_file


def write_second(name, folder):
    """As diffusers named it before PEFT."""

    def change(name):
        suffix = {"A": "down", "B": "up"}
        layer = "lora_linear_layer" if name.startswith("text_encoder") else "lora"
        return re.sub(r"lora_([AB])", lambda match: f"{layer}.{suffix[match[1]]}", name)

    return renamed(write_peft(name, folder), folder / "second.safetensors", change)


def write_kohya(name, folder, alpha=0.5):
    """As kohya's scripts save it, with an alpha per layer."""

    def change(name):
        layer, role = re.fullmatch(r"(.+)\.lora_([AB])\.weight", name).groups()
        layer = layer.replace(".", "_").removeprefix("text_encoder_").removeprefix("unet_")
        text = name.startswith("text_encoder")
        if text:
            layer = f"text_model_{layer.removeprefix('text_model_')}"
        role = {"A": "down", "B": "up"}[role]
        return f"{'lora_te' if text else 'lora_unet'}_{layer}.lora_{role}.weight"

    file = renamed(write_peft(name, folder), folder / "kohya.safetensors", change)
    tensors = load_file(file)
    layers = {name.partition(".")[0] for name in tensors}
    save_file(tensors | {f"{one}.alpha": np.asarray(alpha, np.float32) for one in layers}, file)
    return file


WRITERS = {
    "peft": write_peft,
    "alpha in the head": lambda *args: write_peft(*args, alpha=3),
    "second": write_second,
    "kohya": write_kohya,
}


def assert_equal(found, expected, tolerance=1e-5):
    found, expected = flatten_dict(found), flatten_dict(expected)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance, err_msg=str(name))


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", ["sd1_tiny", "sd2_tiny"])
def test_the_weights_and_embeddings_are_those_of_diffusers(name, writer, tmp_path):
    file = WRITERS[writer](name, tmp_path)
    pipe = opened(name)
    plain = stable_diffusion.from_pipeline(pipe, precision=FLOAT32)
    pipe.load_lora_weights(file.parent, weight_name=file.name)
    pipe.fuse_lora(lora_scale=STRENGTH)
    expected = stable_diffusion.from_pipeline(pipe, precision=FLOAT32)
    options = {"lora": [file], "lora_scale": STRENGTH, "cache_dir": tmp_path / "cache"}
    folder = reference.FOLDER / "tiny" / name
    found = stable_diffusion.load(folder, precision=FLOAT32, **options)
    assert_equal(found.unet_params, expected.unet_params)
    assert_equal(found.autoencoder_params, expected.autoencoder_params)
    np.testing.assert_allclose(found.embed(PROMPTS), expected.embed(PROMPTS), atol=1e-4)
    assert np.abs(np.asarray(found.embed(PROMPTS)) - plain.embed(PROMPTS)).max() > 0.01
