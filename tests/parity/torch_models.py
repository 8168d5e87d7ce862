"""PyTorch's models, and what they hold and compute, as NumPy arrays."""

import re
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")


def build(component: str, fields: dict[str, Any]):
    """The model of a component from the fields of its config.json."""
    if component == "unet":
        return diffusers.UNet2DConditionModel.from_config(fields)
    if component == "vae":
        return diffusers.AutoencoderKL.from_config(fields)
    projects = "WithProjection" in "".join(fields.get("architectures") or ())
    if component == "text_encoder":
        kind = transformers.CLIPTextModelWithProjection if projects else transformers.CLIPTextModel
        return kind(transformers.CLIPTextConfig(**fields))
    kind = transformers.CLIPVisionModelWithProjection if projects else transformers.CLIPVisionModel
    return kind(transformers.CLIPVisionConfig(**fields))


def tensors(component: str, fields: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all parameters, as published files have them; allocates nothing."""
    with torch.device("meta"):
        model = build(component, fields)
    # transformers 5 leaves out the name that every published text encoder has.
    tower = "text_model." if isinstance(model, transformers.CLIPTextModel) else ""
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    return {tower + name.removeprefix(tower): shape for name, shape in shapes.items()}


# The layers between a norm (or the input) and the next norm.
BEFORE_NORMS = re.compile(
    r"(conv_in|conv1|conv2|time_emb_proj|proj_in|to_out\.0|net\.2|out_proj|fc2|_embedding)\.weight"
)


def random_model(component: str, fields: dict[str, Any], scale: float = 1.0):
    """A model whose every parameter is random, biases and norms as well, with what reaches a
    norm multiplied by `scale`."""
    torch.manual_seed(0)
    model = build(component, fields).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_norm = "norm" in name
            if parameter.ndim == 1:
                offset = float(is_norm and name.endswith("weight"))
                parameter.copy_(0.3 * torch.randn_like(parameter) + offset)
            if BEFORE_NORMS.search(name) or (parameter.ndim == 1 and not is_norm):
                parameter.mul_(scale)
    return model


def random(*shape: int, seed: int) -> np.ndarray:
    """A float32 standard normal array."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def with_gradient(function, x: np.ndarray, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """function(x) and the gradient of sum(function(x) cotangent), both of PyTorch."""
    leaf = torch.from_numpy(x).requires_grad_()
    value = function(leaf)
    (gradient,) = torch.autograd.grad((value * torch.from_numpy(cotangent)).sum(), leaf)
    return value.detach().numpy(), gradient.numpy()


def channels_first(array: np.ndarray) -> np.ndarray:
    """[b, h, w, c] to [b, c, h, w]."""
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def channels_last(array: np.ndarray) -> np.ndarray:
    """[b, c, h, w] to [b, h, w, c]."""
    return np.moveaxis(array, 1, -1)
