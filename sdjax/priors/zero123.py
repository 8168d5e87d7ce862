"""Zero-1-to-3, Zero123-XL and Stable Zero123: where their prior comes from, and its settings."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.camera_numbers import POSES
from sdjax.config.errors import UserError
from sdjax.config.fields import one_of
from sdjax.config.kinds import Table
from sdjax.files.shipped_pictures import picture_path
from sdjax.networks.clip.pixels import clip_pixels
from sdjax.networks.clip.vision import CLIPVision
from sdjax.networks.projection import Projection
from sdjax.priors.kind import PriorKind, Wanted
from sdjax.priors.latent import LatentPrior
from sdjax.priors.network_fields import CHECKPOINT, COMPUTATION, IMAGE_SIZE
from sdjax.priors.novel_view import Conditioning, Zero123Prior
from sdjax.priors.original import is_original, read_original
from sdjax.priors.parts import HALF_PRECISION, Part, Precision, networks_of
from sdjax.priors.reference import IMAGE, Reference, read_reference, reference_camera
from sdjax.priors.reference_picture import object_picture
from sdjax.priors.roles import ZERO123
from sdjax.priors.zero123_files import COMPONENTS, check_zero123_files, of_original, parts_in
from sdjax.weights.hub import local_folder
from sdjax.weights.single_file import SingleFile

COMPARED = 512  # pixels of the picture that a particle is compared with, at most


def load(
    source: str | Path,
    picture: Callable[[int], Reference],
    revision: str | None = None,
    *,
    pose: str = "distance",
    image_size: int | None = None,
    precision: Precision = HALF_PRECISION,
    remat: str | bool = "none",
) -> Zero123Prior:
    """The prior of one picture, by weights of Zero-1-to-3.

    Everything small is checked before anything large is downloaded or read.  CLIP's image encoder
    lives only until the picture is embedded.

    Args:
        source: a folder or hub id in the layout of diffusers (unet, vae, image_encoder, scheduler,
            and cc_projection, clip_camera_projection or projection), or an original checkpoint
            that was saved as one .safetensors file.
        picture: the picture and the camera that took it, with so many pixels along an edge (as
            `sdjax.priors.reference.read_reference`): the networks take it in theirs.
        revision: of the hub id.
        pose: the fourth number of a pose: "distance" (Zero-1-to-3, Zero123-XL) or "elevation"
            (Stable Zero123).
        image_size, precision, remat: as of `stable_diffusion.load`.

    Raises:
        UserError: one sentence about what is missing, damaged or not supported, such as weights of
            a text-to-image model.
    """
    reference = picture(COMPARED)  # whose errors come first
    if is_original(source):
        if revision is not None:
            raise UserError(f"'{source}' is a file here, so leave out the revision '{revision}'.")
        file = SingleFile(source, average=True)  # as the official samplers have it
        small, unet, vae = read_original(file, ZERO123)
        vision, projection = of_original(file, small.networks.unet)
    else:
        check = partial(check_zero123_files, image_size=image_size)
        folder = local_folder(source, revision, COMPONENTS, check)
        small, unet, vae, vision, projection = parts_in(folder)
    networks = networks_of(unet, vae, image_size, precision, remat)
    base = LatentPrior(**small.scheduler._asdict(), **networks)
    size = networks["image_size"]
    seen = picture(size).image[None]
    latents = base.encode(seen)[0] / vae.config.scaling_factor
    join = Projection(projection.config)
    return Zero123Prior(
        **small.scheduler._asdict(),
        **networks,
        projection=join,
        projection_params=projection.loaded(join),
        reference=reference,
        conditioning=Conditioning(embedded(vision, seen), latents),
        fourth=pose,
    )


def embedded(vision: Part, image: Float[Array, "1 h w 3"]) -> Float[Array, "features"]:
    """That of a picture in [0, 1] by an encoder that is read for it."""
    network = CLIPVision(vision.config)
    return jax.jit(partial(image_embeddings, network))(vision.loaded(network), image)[0]


def image_embeddings(
    network: CLIPVision, params: Any, images: Float[Array, "b h w 3"]
) -> Float[Array, "b features"]:
    """CLIP's embeddings of images in [0, 1]: projected, not normalised."""
    pixels = clip_pixels(2.0 * images - 1.0, network.config.image_size)
    return network.apply({"params": params}, pixels).projected.astype(jnp.float32)


def _make(
    wanted: Wanted,
    *,
    weights: str,
    revision: str | None,
    pose: str,
    dtype: Any,
    autoencoder_dtype: Any,
    remat: str,
    **fields: Any,
) -> Zero123Prior:
    def read(size: int) -> Reference:
        return read_reference(
            picture_path(fields["image"]),
            fields["mask"],
            size=size,
            camera=reference_camera(fields, wanted.looking),
            aspect=fields["aspect"],
        )

    return load(
        weights,
        read,
        revision,
        pose=pose,
        precision=Precision(dtype, autoencoder_dtype),
        remat=remat,
        image_size=fields.get("image_size", wanted.resolution),
    )


def _check(table: Table, prompt: str) -> None:
    if not table["image"]:
        raise UserError(
            "config.prior.image is empty, expected the path of a picture of one object, with "
            "transparency around it or with config.prior.mask."
        )
    object_picture(picture_path(table["image"]), table["mask"], table["aspect"])
    if not table["weights"]:
        raise UserError(
            "config.prior.weights is empty, expected Zero-1-to-3's: a folder in diffusers' layout, "
            "a hub id such as 'ashawkey/zero123-xl-diffusers', or a .safetensors file."
        )


def _check_run(config: Any) -> None:
    if config.rule.get("ode") == "cached" and config.rule.ode_bins is None:
        raise UserError(
            "config.rule.ode_bins is None, expected a number such as 64, of directions whose ODEs "
            "are kept: Zero-1-to-3 knows every camera."
        )


PRIOR = PriorKind(
    ZERO123,
    _make,
    fields={
        **CHECKPOINT,
        **IMAGE,
        "pose": one_of(*POSES).of(
            "distance", "fourth number of a pose: Zero123's, or Stable Zero123's elevation"
        ),
        **COMPUTATION,
    },
    run_fields=IMAGE_SIZE,
    check=_check,
    check_run=_check_run,
    has_network=True,
)
