"""A component with every kind of layer; its PyTorch names and shapes are written by hand."""

from pathlib import Path

import jax
import numpy as np
from flax.traverse_util import unflatten_dict
from safetensors.numpy import save_file

FILE = "diffusion_pytorch_model.safetensors"

# Flax path, its shape, PyTorch name, its shape
TABLE = [
    ("conv_in/kernel", (3, 5, 4, 6), "conv_in.weight", (6, 4, 3, 5)),
    ("conv_in/bias", (6,), "conv_in.bias", (6,)),
    ("time_embedding/linear_1/kernel", (6, 7), "time_embedding.linear_1.weight", (7, 6)),
    ("down_blocks_0/resnets_10/norm1/scale", (6,), "down_blocks.0.resnets.10.norm1.weight", (6,)),
    ("down_blocks_0/resnets_10/norm1/bias", (6,), "down_blocks.0.resnets.10.norm1.bias", (6,)),
    ("attn1/to_out_0/kernel", (6, 6), "attn1.to_out.0.weight", (6, 6)),
    ("ff/net_0/proj/kernel", (6, 9), "ff.net.0.proj.weight", (9, 6)),
    ("ff/net_2/kernel", (9, 6), "ff.net.2.weight", (6, 9)),
    ("mid/attentions_0/to_q/kernel", (6, 6), "mid.attentions.0.to_q.weight", (6, 6)),
    ("mid/attentions_0/to_q/bias", (6,), "mid.attentions.0.to_q.bias", (6,)),
    ("mid/attentions_0/to_out_0/kernel", (6, 6), "mid.attentions.0.to_out.0.weight", (6, 6)),
    ("mid/attentions_0/proj_in/kernel", (6, 6), "mid.attentions.0.proj_in.weight", (6, 6)),
    ("text_model/layers_1/fc1/kernel", (6, 8), "text_model.layers.1.fc1.weight", (8, 6)),
    ("text_model/tokens/embedding", (11, 6), "text_model.tokens.weight", (11, 6)),
    ("text_model/class_embedding", (6,), "text_model.class_embedding", (6,)),
]
NAMES = [row[2] for row in TABLE]


def template(dtype=np.float32):
    """What `jax.eval_shape` of a network with these layers would give."""
    return unflatten_dict(
        {tuple(path.split("/")): jax.ShapeDtypeStruct(shape, dtype) for path, shape, *_ in TABLE}
    )


def random_params(seed: int = 0, dtype=np.float32):
    """Parameters of the template; every number is exact in any of the dtypes."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: rng.integers(-100, 100, leaf.shape).astype(dtype), template(dtype)
    )


def torch_tensors(params) -> dict[str, np.ndarray]:
    """The same numbers as PyTorch has them, by the table and einsum."""
    order = {1: "a->a", 2: "io->oi", 4: "hwio->oihw"}
    tensors = {}
    for path, shape, name, torch_shape in TABLE:
        leaf = params
        for part in path.split("/"):
            leaf = leaf[part]
        turned = path.endswith("kernel")
        tensors[name] = np.ascontiguousarray(np.einsum(order[len(shape)], leaf) if turned else leaf)
        assert tensors[name].shape == torch_shape
    return tensors


def write(folder: Path, tensors: dict[str, np.ndarray], name: str = FILE) -> Path:
    """Write tensors as PyTorch's libraries do; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / name, metadata={"format": "pt"})
    return folder


def assert_equal(actual, expected, dtype=np.float32):
    """The same tree, numbers and dtype."""
    jax.tree.map(np.testing.assert_array_equal, actual, expected)
    assert {leaf.dtype for leaf in jax.tree.leaves(actual)} == {np.dtype(dtype)}
