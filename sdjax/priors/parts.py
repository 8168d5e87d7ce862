"""The networks of a checkpoint, wherever they come from, and the fields of a prior they become."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp

from sdjax.networks.autoencoder.model import AutoencoderKL
from sdjax.networks.rematerialisation import policy_of
from sdjax.networks.unet.model import UNet2DCondition
from sdjax.priors.architecture import Architecture
from sdjax.priors.small_files import Diffusion
from sdjax.text.encoder import NO_LORA
from sdjax.weights.load import Params, load_params
from sdjax.weights.lora import Lora
from sdjax.weights.single_file import SingleFile
from sdjax.weights.template import checked_template
from sdjax.weights.tensors import tensor_shapes


class Precision(NamedTuple):
    """In which dtypes the networks compute, and keep their parameters."""

    unet: Any = jnp.bfloat16
    autoencoder: Any = jnp.float32  # its gradient reaches the particle


HALF_PRECISION = Precision()


class Part(NamedTuple):
    """A network of a checkpoint.

    config: its architecture.  shapes(): of its tensors, by PyTorch's names.  params: of a template,
    in its nesting.  source: where they are from, the subject of the sentence about what is wrong
    with them.
    """

    config: Any
    shapes: Callable[[], Mapping[str, tuple[int, ...]]]
    params: Callable[[Params], Params]
    source: str

    def loaded(self, network: Any) -> Params:
        """The parameters of a `network` of this package; UserError if they are of another."""
        return self.params(checked_template(network, self.shapes(), self.source))


def of_folder(
    folder: Path,
    config: Any,
    lora: Lora = NO_LORA,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Part:
    """The network in a component's folder, with what LoRA weights add to it."""

    def params(template: Params) -> Params:
        return load_params(template, folder, changes=lora.changes(folder.name))

    known = tensor_shapes(folder) if shapes is None else shapes
    return Part(config, lambda: known, params, f"'{folder}'")


def networks_in(folder: Path, small: Diffusion) -> tuple[Part, Part]:
    """The UNet and the autoencoder of a model's folder."""
    configs = {"unet": small.networks.unet, "vae": small.networks.autoencoder}
    unet, vae = (of_folder(folder / name, config) for name, config in configs.items())
    return unet, vae


def of_file(file: SingleFile, name: str, config: Any) -> Part:
    """The network `name` of an original checkpoint in one file."""
    return Part(
        config,
        lambda: file.shapes(name),
        lambda template: file.params(name, template),
        file.source(name),
    )


def networks_of(
    unet: Part,
    vae: Part,
    image_size: int | None,
    precision: Precision,
    remat: str | bool,
    frames: int = 1,
) -> dict[str, Any]:
    """The fields of a `LatentPrior` that are its networks and the size of its pictures; both are
    compared with what they should be before a tensor is read.

    `frames` views of a scene are seen together.  Raises a UserError for tensors of other networks,
    for a size that they cannot have and for an unknown `remat`.
    """
    policy = policy_of(remat)
    size = Architecture(unet.config, vae.config).image_size(image_size)
    network = UNet2DCondition(unet.config, precision.unet, precision.unet, policy, frames)
    autoencoder = AutoencoderKL(vae.config, precision.autoencoder, precision.autoencoder, policy)
    made = ((unet, network), (vae, autoencoder))
    templates = [checked_template(one, part.shapes(), part.source) for part, one in made]
    return {
        "image_size": size,
        "unet": network,
        "unet_params": unet.params(templates[0]),
        "autoencoder": autoencoder,
        "autoencoder_params": vae.params(templates[1]),
    }
