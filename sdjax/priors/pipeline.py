"""The prior of a Stable Diffusion pipeline of PyTorch's diffusers, as it is in memory.

PyTorch is never imported: whoever has such a pipeline has it.
"""

from copy import deepcopy
from typing import Any

import jax

from sdjax.config.errors import UserError
from sdjax.diffusion.scheduler_config import read_scheduler
from sdjax.networks.clip.config import TextConfig
from sdjax.networks.clip.text import CLIPText
from sdjax.networks.configuration import Fields
from sdjax.networks.parameters import parameter_shapes
from sdjax.priors.architecture import architecture
from sdjax.priors.checkpoint import Checkpoint, made_prior
from sdjax.priors.parts import HALF_PRECISION, Part, Precision
from sdjax.priors.text_to_image import VIEW_DEPENDENT, Embed, StableDiffusionPrior
from sdjax.text.encoder import encoder_of
from sdjax.text.tokenizer import tokenizer_of
from sdjax.text.views import Prompting
from sdjax.weights.load import Params, params_of
from sdjax.weights.modules import module_shapes, module_tensors, uncompiled

_PIPELINE = "StableDiffusionPipeline"
_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")


def from_pipeline(
    pipe: Any,
    *,
    image_size: int | None = None,
    precision: Precision = HALF_PRECISION,
    remat: str | bool = "none",
    prompting: Prompting = VIEW_DEPENDENT,
) -> StableDiffusionPrior:
    """The prior of a `StableDiffusionPipeline`, as `load` has it of the folder that the pipeline
    saves.

    Everything is copied, weights of fused LoRA included, and text is encoded by a network of this
    package: the pipeline may be changed or deleted afterwards.

    Args:
        pipe: a text-to-image pipeline of diffusers, Stable Diffusion 1.x or 2.x.
        image_size: pixels that the autoencoder sees; None for the size of the training data.
        precision: of the networks.
        remat: what the networks compute again in the backward pass, as of `load`.
        prompting: how prompts are made, see `sdjax.text.views`.

    Raises:
        ValueError: one sentence about what is missing or not supported.
    """
    _check(pipe)
    configs = architecture(_fields(pipe, "unet"), _fields(pipe, "vae"))
    checkpoint = Checkpoint(
        unet=_part(pipe, "unet", configs.unet),
        vae=_part(pipe, "vae", configs.autoencoder),
        scheduler=read_scheduler(dict(pipe.scheduler.config), "The pipeline's scheduler"),
        embed=_embed(pipe),
    )
    return made_prior(checkpoint, image_size, precision, remat, prompting)


def _check(pipe: Any) -> None:
    if _PIPELINE not in (kind.__name__ for kind in type(pipe).__mro__):
        raise UserError(
            f"from_pipeline was given a {type(pipe).__name__}, expected a {_PIPELINE} of diffusers "
            "(Stable Diffusion 1.x or 2.x, text to image); folders and hub ids are for load."
        )
    missing = [name for name in _PARTS if getattr(pipe, name, None) is None]
    if missing:
        raise UserError(
            f"The pipeline has no {' and no '.join(missing)}, expected all of {', '.join(_PARTS)}."
        )


def _part(pipe: Any, name: str, config: Any) -> Part:
    network, source = uncompiled(getattr(pipe, name)), f"The pipeline's {name}"
    return Part(
        config=config,
        shapes=lambda: dict(module_shapes(network, source)),
        params=lambda template: _params(pipe, name, template),
        source=source,
    )


def _fields(pipe: Any, name: str) -> Fields:
    """What diffusers would write to the network's config.json."""
    network = uncompiled(getattr(pipe, name))
    return {**network.config, "_class_name": type(network).__name__}


def _embed(pipe: Any) -> Embed:
    """The text encoder; its parameters stay on the host while there are no prompts."""
    network = uncompiled(pipe.text_encoder)
    fields = {**network.config.to_dict(), "architectures": [type(network).__name__]}
    model = CLIPText(TextConfig.from_dict(fields))
    params = _params(pipe, "text_encoder", parameter_shapes(model))
    tokenize = tokenizer_of(deepcopy(pipe.tokenizer))
    return encoder_of(tokenize, model, jax.device_get(params))


def _params(pipe: Any, name: str, template: Params) -> Params:
    source = f"The pipeline's {name}"
    return params_of(template, module_tensors(uncompiled(getattr(pipe, name)), source), source)
