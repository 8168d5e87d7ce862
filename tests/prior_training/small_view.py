"""A Zero-1-to-3 of a few thousand parameters, and a folder of its image encoder."""

import json

import jax
import jax.numpy as jnp

from sdjax.networks.clip.config import VisionConfig
from sdjax.networks.clip.vision import CLIPVision
from sdjax.prior_training.image_encoder import read_image_encoder
from sdjax.prior_training.novel_view_model import from_stable_diffusion
from sdjax.weights.load import save_params
from tests.networks.components import random_params
from tests.prior_training import small

CLIP = {
    "architectures": ["CLIPVisionModelWithProjection"],
    "model_type": "clip_vision_model",
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": small.SIZE,
    "patch_size": 4,
    "projection_dim": 6,
}


def clip_folder(folder):
    """Random weights of an image encoder in transformers' layout; returns `folder`."""
    network = CLIPVision(VisionConfig.from_dict(CLIP))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CLIP))
    save_params(random_params(network, 1), folder, "model.safetensors")
    return folder


def view_model(folder, prediction="v_prediction"):
    """Of `small.model`, which leaves its tokenizer in `folder`, and of that encoder; before its
    first step."""
    encoder = read_image_encoder(clip_folder(folder / "clip"))
    return from_stable_diffusion(small.model(folder / "tokenizer", prediction), encoder)


def stirred(model, seed=0):
    """With random weights for the picture and the pose, which are zero at first."""
    params = dict(model.params)
    kernel = params["unet"]["conv_in"]["kernel"]
    noise = jax.random.normal(jax.random.key(seed), kernel.shape)
    conv = {**params["unet"]["conv_in"], "kernel": jnp.where(kernel == 0, 0.3 * noise, kernel)}
    params["unet"] = {**params["unet"], "conv_in": conv}
    join = params["cc_projection"]["kernel"]
    noise = jax.random.normal(jax.random.key(seed + 1), join.shape)
    params["cc_projection"] = {**params["cc_projection"], "kernel": join + noise}
    return model._replace(params=params)
