"""The parts of Zero-1-to-3 beside its UNet and autoencoder, in a folder or in one file."""

import warnings
from pathlib import Path
from typing import NamedTuple

from sdjax.config.errors import UserError
from sdjax.files.plain_files import read_json
from sdjax.networks.clip.config import VisionConfig
from sdjax.networks.projection import ProjectionConfig
from sdjax.networks.unet.config import UNetConfig
from sdjax.priors.parts import Part, networks_in, of_file, of_folder
from sdjax.priors.roles import ZERO123
from sdjax.priors.small_files import Diffusion, read_diffusion
from sdjax.weights.single_file import SingleFile

PROJECTIONS = ("cc_projection", "clip_camera_projection", "projection")  # one of these folders
COMPONENTS = ("unet", "vae", "image_encoder", "scheduler", PROJECTIONS)
POSE = 4  # numbers


class Parts(NamedTuple):
    """A whole model."""

    small: Diffusion
    unet: Part
    vae: Part
    vision: Part
    projection: Part


def parts_in(folder: Path) -> Parts:
    """Those of a model's folder; UserError for what is missing, damaged or not supported."""
    small = read_diffusion(folder, ZERO123)
    vision, projection = _configs(folder, small)
    name = next(name for name in PROJECTIONS if (folder / name).is_dir())
    return Parts(
        small,
        *networks_in(folder, small),
        of_folder(folder / "image_encoder", vision),
        of_folder(folder / name, projection),
    )


def of_original(file: SingleFile, unet: UNetConfig) -> tuple[Part, Part]:
    """The image encoder and the projection of an original checkpoint."""
    vision = VisionConfig.from_dict(file.fields("image_encoder"))
    projection = _projection(unet, vision)
    return of_file(file, "image_encoder", vision), of_file(file, "projection", projection)


def check_zero123_files(folder: Path, image_size: int | None = None) -> None:
    """UserError, before anything large is there, as `parts_in`, and if the networks cannot have
    that size; what these warn of is told once, where the folder is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small = read_diffusion(folder, ZERO123)
        _configs(folder, small)
        small.networks.image_size(image_size)


def _configs(folder: Path, small: Diffusion) -> tuple[VisionConfig, ProjectionConfig]:
    file = folder / "image_encoder" / "config.json"
    vision = VisionConfig.from_dict(read_json(file, "the configuration of a CLIP image encoder"))
    return vision, _projection(small.networks.unet, vision)


def _projection(unet: UNetConfig, vision: VisionConfig) -> ProjectionConfig:
    if vision.projection_dim is None:
        raise UserError(
            "The image encoder has no projection, expected a CLIPVisionModelWithProjection; take "
            "all parts from the same model."
        )
    return ProjectionConfig(vision.projection_dim + POSE, unet.cross_attention_dim)
