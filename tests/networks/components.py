"""Networks for tests: those of the recorded checkpoints, and small ones with random weights."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.networks.autoencoder.config import AutoencoderConfig
from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.clip.config import TextConfig, VisionConfig
from sdjax.networks.clip.text import CLIPText
from sdjax.networks.clip.vision import CLIPVision
from sdjax.networks.parameters import parameter_shapes
from sdjax.networks.unet.config import UNetConfig
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.weights.load import load_params
from tests import reference

CHECKPOINTS = ("sd1_tiny", "sd2_tiny")
REAL = Path(__file__).parents[1] / "data" / "configs"
NETWORKS = {
    "unet": (UNetConfig, UNet2DCondition),
    "vae": (AutoencoderConfig, AutoencoderKL),
    "text_encoder": (TextConfig, CLIPText),
    "image_encoder": (VisionConfig, CLIPVision),
}


def network(component: str, fields: dict[str, Any], **settings):
    """The network of a component from the fields of its config.json."""
    config, model = NETWORKS[component]
    return model(config.from_dict(fields), **settings)


def real_fields(model: str, component: str) -> dict[str, Any]:
    """The config.json of a published model's component."""
    return json.loads((REAL / model / f"{component}.json").read_text())


def loaded(component: str, folder: Path) -> tuple[Any, Any]:
    """The network that a folder holds, and its parameters."""
    model = network(component, json.loads((folder / "config.json").read_text()))
    return model, load_params(parameter_shapes(model), folder)


def recorded(checkpoint: str, component: str) -> tuple[Any, Any]:
    """The network of a recorded checkpoint, and its parameters."""
    return loaded(component, reference.FOLDER / "tiny" / checkpoint / component)


def random_params(model, seed: int = 0) -> Any:
    """Parameters that keep activations near 1, so that every one of them matters."""
    random = np.random.default_rng(seed)

    def draw(path, shape):
        name = path[-1].key
        values = random.standard_normal(shape.shape)
        if name == "kernel":
            values /= np.sqrt(np.prod(shape.shape[:-1]))
        return jnp.asarray(values * 0.3 + 1.0 if name == "scale" else values, shape.dtype)

    return jax.tree_util.tree_map_with_path(draw, parameter_shapes(model))


def deviation(actual, expected) -> float:
    """The largest difference relative to the largest expected value."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def with_gradient(function, x, cotangent):
    """function(x), and the gradient of sum(function(x) cotangent) with respect to x."""
    value, pull = jax.vjp(function, x)
    return value, pull(cotangent)[0]


def small_unet(**changes) -> dict[str, Any]:
    """The fields of a UNet of two small blocks."""
    return {
        "block_out_channels": [8, 16],
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": 1,
        "cross_attention_dim": 12,
        "attention_head_dim": 2,
        "norm_num_groups": 4,
        **changes,
    }


def small_vae(**changes) -> dict[str, Any]:
    """The fields of an autoencoder of two small blocks."""
    return {
        "block_out_channels": [8, 16],
        "down_block_types": ["DownEncoderBlock2D"] * 2,
        "up_block_types": ["UpDecoderBlock2D"] * 2,
        "norm_num_groups": 4,
        **changes,
    }


def small_clip(**changes) -> dict[str, Any]:
    """The fields of a text or image encoder of three small layers."""
    return {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "vocab_size": 50,
        "max_position_embeddings": 12,
        "eos_token_id": 49,
        "projection_dim": 10,
        "image_size": 12,
        "patch_size": 4,
        **changes,
    }
