"""Tensors of diffusers and transformers as original checkpoints have them, written by hand."""

import re

import numpy as np

Tensors = dict[str, np.ndarray]

_AUTOENCODER = {
    "encoder.down_blocks.": "encoder.down.",
    "resnets.": "block.",
    "downsamplers.0.": "downsample.",
    "upsamplers.0.": "upsample.",
    "mid_block.block.0.": "mid.block_1.",
    "mid_block.block.1.": "mid.block_2.",
    "mid_block.attentions.0.": "mid.attn_1.",
    "group_norm.": "norm.",
    "to_q.": "q.",
    "to_k.": "k.",
    "to_v.": "v.",
    "to_out.0.": "proj_out.",
    "conv_shortcut.": "nin_shortcut.",
    "conv_norm_out.": "norm_out.",
}
_CLIP = {
    "self_attn.out_proj": "attn.out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "encoder.layers.": "transformer.resblocks.",
    "embeddings.position_embedding.weight": "positional_embedding",
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.class_embedding": "class_embedding",
    "embeddings.patch_embedding.weight": "conv1.weight",
    "pre_layrnorm": "ln_pre",
    "post_layernorm": "ln_post",
    "final_layer_norm": "ln_final",
}


def first_stage(tensors: Tensors) -> Tensors:
    """An autoencoder; the matrices of its attention are 1x1 convolutions."""
    levels = len({name.split(".")[2] for name in tensors if name.startswith("decoder.up_blocks.")})
    stored = {}
    for name, array in tensors.items():
        if match := re.match(r"decoder\.up_blocks\.(\d+)\.(.+)", name):
            name = f"decoder.up.{levels - 1 - int(match[1])}.{match[2]}"
        name = _replaced(name, _AUTOENCODER)
        is_matrix = "attn_1" in name and array.ndim == 2
        stored[name] = array[:, :, None, None] if is_matrix else array
    return stored


def image_tower(tensors: Tensors) -> Tensors:
    """OpenAI's: a vision tower with its projection."""
    tensors = dict(tensors)
    projection = tensors.pop("visual_projection.weight")
    return _tower(tensors, "vision_model.") | {"proj": np.ascontiguousarray(projection.T)}


def text_tower(tensors: Tensors) -> Tensors:
    """open_clip's: a text tower, the block that Stable Diffusion 2.x leaves out, and what is beside
    it in a whole CLIP."""
    stored = _tower(tensors, "text_model.")
    blocks = 1 + max(int(name.split(".")[2]) for name in stored if ".resblocks." in name)
    first = "transformer.resblocks.0."
    last = {
        name.replace(first, f"transformer.resblocks.{blocks}."): array + 1
        for name, array in stored.items()
        if name.startswith(first)
    }
    width = stored["ln_final.weight"].shape[0]
    beside = {"text_projection": np.ones((width, width), np.float32)}
    return {**stored, **last, **beside, "logit_scale": np.ones((1,), np.float32)}


def _tower(tensors: Tensors, prefix: str) -> Tensors:
    stored = {}
    for name, array in tensors.items():
        if ".self_attn.k_proj." in name or ".self_attn.v_proj." in name:
            continue
        if ".self_attn.q_proj." in name:
            array = np.concatenate(
                [tensors[name.replace("q_proj", f"{one}_proj")] for one in "qkv"]
            )
            name = name.replace("self_attn.q_proj.", "attn.in_proj_")
        stored[_replaced(name.removeprefix(prefix), _CLIP)] = array
    return stored


def _replaced(name: str, table: dict[str, str]) -> str:
    for ours, theirs in table.items():
        name = name.replace(ours, theirs)
    return name
