"""Where PyTorch keeps what a Flax layer calls its parameters: one rule per kind of leaf.

| Flax leaf             | PyTorch                | axes                                     |
|-----------------------|------------------------|------------------------------------------|
| kernel, Dense         | weight                 | [in, out] is [out, in]                   |
| kernel, Conv          | weight                 | [*window, in, out] is [out, in, *window] |
| scale, embedding      | weight                 | as they are                              |
| bias, any other       | the same name          | as they are                              |

A module in a list is `blocks.0` in PyTorch and `blocks_0` here; old Flax files have `blocks`, `0`.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

RENAMED = {"kernel": "weight", "scale": "weight", "embedding": "weight"}

# In these names of diffusers the number belongs to the name.
MODULE = re.compile(r"(linear_\d+|.+?)((?:_\d+)*)")

NO_PARAMETER = re.compile(r"(.*\.)?(position_ids|num_batches_tracked)")

# The attention of autoencoders, as diffusers named it before 0.17.
OLD_ATTENTION = re.compile(r"(.*attentions\.\d+)\.(query|key|value|proj_attn)\.(weight|bias)")
NEW_NAME = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
ATTENTION_MATRIX = re.compile(r".*attentions\.\d+\.(to_q|to_k|to_v|to_out\.0)\.weight")

# MVDream's camera embedding is a class embedding where diffusers is to read it.
CLASS, CAMERA = "class_embedding.", "camera_embedding."

# transformers 5 saves a lone CLIP tower without the name that 4 puts before it.
TOWERS = ("text_model.", "vision_model.")

# What a whole CLIP has beside one of its towers.
BESIDE = ("logit_scale", "text_projection.", "visual_projection.")


class TorchTensor(NamedTuple):
    """A Flax parameter in PyTorch: `flax = torch.transpose(axes)`."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]


def torch_tensor(path: tuple[str, ...], shape: tuple[int, ...]) -> TorchTensor:
    """The PyTorch tensor of the Flax parameter at `path` of `shape`, by the table above."""
    *modules, leaf = path
    name = ".".join([*map(_torch_module, modules), RENAMED.get(leaf, leaf)])
    if leaf != "kernel":
        return TorchTensor(name, tuple(shape), tuple(range(len(shape))))
    *window, inputs, outputs = shape
    axes = (*range(2, len(shape)), 1, 0)
    return TorchTensor(name, (outputs, inputs, *window), axes)


def to_torch(tensor: TorchTensor, parameter: np.ndarray) -> np.ndarray:
    """A Flax parameter in the layout of PyTorch (a view)."""
    return parameter.transpose(np.argsort(tensor.axes))


def to_flax(tensor: TorchTensor, stored: np.ndarray) -> np.ndarray:
    """The inverse of `to_torch` (a view)."""
    return stored.reshape(tensor.shape).transpose(tensor.axes)


def is_parameter(name: str) -> bool:
    """False for the buffers that PyTorch saves beside parameters."""
    return NO_PARAMETER.fullmatch(name) is None


def is_beside(name: str, expected: Collection[str]) -> bool:
    """Whether a tensor is of a whole CLIP, of which one tower is `expected`: transformers ignores
    the rest."""
    for tower in TOWERS:
        if any(one.startswith(tower) for one in expected):
            others = tuple(other for other in TOWERS if other != tower)
            return name.startswith((*BESIDE, *others))
    return False


def current_name(name: str, expected: Collection[str]) -> str:
    """Which of the `expected` PyTorch names a stored `name` means; `name` itself if none."""
    return next((alias for alias in _aliases(name) if alias in expected), name)


def fits(tensor: TorchTensor, shape: tuple[int, ...]) -> bool:
    """Whether a stored `shape` is the tensor's.

    Old autoencoders keep the matrices of their attention as 1x1 convolutions, [out, in, 1, 1].
    """
    squeezable = ATTENTION_MATRIX.fullmatch(tensor.name) and len(tensor.shape) == 2
    return shape == tensor.shape or bool(squeezable and shape == (*tensor.shape, 1, 1))


def _torch_module(name: str) -> str:
    stem, indices = MODULE.fullmatch(name).groups()
    return stem + indices.replace("_", ".")


def _aliases(name: str) -> Iterator[str]:
    if old := OLD_ATTENTION.fullmatch(name):
        block, layer, leaf = old.groups()
        name = f"{block}.{NEW_NAME[layer]}.{leaf}"
    yield name
    if name.startswith(CLASS):
        yield name.replace(CLASS, CAMERA, 1)
    for tower in TOWERS:
        yield tower + name
        yield name.removeprefix(tower)
