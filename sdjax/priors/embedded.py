"""The embedded prior at work: what makes it, and its settings."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.cameras import Camera
from sdjax.cameras import spread_cameras as bank_cameras
from sdjax.config.errors import UserError
from sdjax.config.fields import number, one_of, whole
from sdjax.config.kinds import Table
from sdjax.files.shipped_pictures import picture_path
from sdjax.objects.model import Object
from sdjax.objects.prompts import find, objects_beside
from sdjax.objects.render import render_views
from sdjax.priors.agreement import distances
from sdjax.priors.bank import Conditioning as Conditioning
from sdjax.priors.bank import EmbeddedPrior as EmbeddedPrior
from sdjax.priors.bank import resolution_schedule as resolution_schedule
from sdjax.priors.bank_cameras import cameras_of_directions, spread
from sdjax.priors.kind import Band, Data, PriorKind, Wanted
from sdjax.priors.reference import IMAGE, Reference, read_reference, reference_camera
from sdjax.priors.reference_picture import object_picture

COMPARED = 128  # pixels along an edge in which a picture is compared with objects, at least


def build(
    objects: Sequence[Object],
    cameras: Camera,
    resolution: int,
    *,
    views: str = "camera",
    data_std: float = 0.0,
    band: Band | None = None,
    views_together: int = 1,
    reference: Reference | None = None,
    image_std: float = 0.02,
) -> EmbeddedPrior:
    """The prior of `objects`, each rendered from each of `cameras` [cameras], which lie in `band`;
    given a picture of one of them, where there is a `reference`."""
    images = render_views(objects, cameras, resolution)
    bank = jax.device_put(np.round(255.0 * np.asarray(images)).astype(np.uint8))
    return EmbeddedPrior(
        resolution_schedule(resolution),
        bank,
        cameras,
        tuple(obj.name for obj in objects),
        views,
        data_std,
        cameras_of_directions(cameras) if views == "direction" else None,
        band,
        views_together=views_together,
        reference=reference,
        distances=None if reference is None else jnp.asarray(distances(objects, reference)),
        image_std=image_std,
    )


def embedded_prior(
    prompt: str,
    resolution: int = 64,
    cameras: Camera | None = None,
    *,
    views: str = "camera",
    data_std: float = 0.0,
    every_object: bool = True,
) -> EmbeddedPrior:
    """The exact diffusion model of the package's objects, for one's own renderer.

    Args:
        prompt: a mug, house, chair, car, teapot, tree, sailboat or rocket, or a facade, narrowed by
            words such as "red" or "tall".
        resolution: pixels of a picture along an edge, which are its latents.
        cameras: [cameras] from which objects are known, one by default, from the front and a little
            above; every camera asked for later becomes the nearest of them.
        views: "camera", or "direction" for a prior that is told front, side, back or overhead only.
        data_std: deviation of Gaussian noise that blurs the data, in units of the latents.
        every_object: know those of other prompts, too, as guidance scales other than 1 need them.

    Raises:
        UserError: for a prompt that names no object.
    """
    if cameras is None:
        cameras = bank_cameras(1, elevation=(20.0, 20.0), distance=3.2, fovy=40.0)
    named = find(prompt)
    objects = objects_beside(prompt) if every_object else named
    return build(objects, cameras, resolution, views=views, data_std=data_std)


def pooled(data: Data, camera: Camera, data_std: float) -> EmbeddedPrior:
    """A prior whose data are all the images, whatever the camera: each view of each object is a
    datum of its own, and what is looked at is always their mixture."""
    objects, views, size = data.images.shape[:3]
    bank = np.round(255.0 * data.images).astype(np.uint8)
    bank = jnp.asarray(bank.reshape(objects * views, 1, *data.images.shape[2:]))
    repeated = tuple(name for name in data.names for _ in range(views))
    return EmbeddedPrior(resolution_schedule(size), bank, camera, repeated, data_std=data_std)


def _make(
    wanted: Wanted,
    *,
    data_std: float,
    views_together: int = 1,
    image_std: float = 0.02,
    views: str = "camera",
    cameras: int = 0,
    azimuth: float = 0.0,
    **picture: Any,
) -> EmbeddedPrior:
    """Of the prompt's objects, or of all where the unconditional prediction is asked for: the
    mixture over everything.  With a picture the prompt's are all that there is."""
    if wanted.data is not None:
        return pooled(wanted.data, wanted.looking, data_std)
    reference = _reference(wanted, **picture)
    beside = wanted.unconditional and reference is None
    objects = objects_beside(wanted.prompt) if beside else find(wanted.prompt)
    band = wanted.looking if isinstance(wanted.looking, Band) else None
    bank = wanted.looking if band is None else spread(cameras, band, azimuth, views_together)
    return build(
        objects,
        bank,
        wanted.resolution,
        views=views,
        data_std=data_std,
        band=band,
        views_together=views_together,
        reference=reference,
        image_std=image_std,
    )


def _reference(
    wanted: Wanted,
    *,
    image: str = "",
    mask: str | None = None,
    aspect: str = "pad",
    **angles: float,
) -> Reference | None:
    """The picture that the fields of `IMAGE` name, if they do."""
    if not image:
        return None
    camera, size = reference_camera(angles, wanted.looking), max(COMPARED, wanted.resolution)
    return read_reference(picture_path(image), mask, size=size, camera=camera, aspect=aspect)


def _check(table: Table, prompt: str) -> None:
    find(prompt)
    if table["image"]:
        object_picture(picture_path(table["image"]), table["mask"], table["aspect"])
    elif table["mask"] is not None:
        raise UserError(
            f"config.prior.mask is {table['mask']!r}, expected None without config.prior.image."
        )


def _check_run(config: Any) -> None:
    _check_together(config.prior)
    camera = config.camera
    for name in ("distance", "fovy"):
        if camera[name][0] != camera[name][1]:
            raise UserError(
                f"config.camera.{name} is {camera[name]}, expected two equal values: the embedded "
                "prior knows its objects from one distance through one lens."
            )
    for name in ("camera_perturb", "center_perturb", "up_perturb"):
        if camera[name]:
            raise UserError(
                f"config.camera.{name} is {camera[name]}, expected 0: the embedded prior knows "
                "cameras that look straight at the object."
            )
    if camera.distance[0] <= 1:
        raise UserError(
            f"config.camera.distance is {camera.distance}, expected more than 1: the embedded "
            "prior's objects reach that far."
        )


def _check_together(prior: Any) -> None:
    together = prior.views_together
    if together > 1 and prior.views != "camera":
        raise UserError(
            f"config.prior.views is {prior.views!r}, expected 'camera' where "
            f"config.prior.views_together is {together}: a word does not say which views belong "
            "together."
        )
    if prior.cameras % together:
        nearest = max(1, round(prior.cameras / together)) * together
        raise UserError(
            f"config.prior.cameras is {prior.cameras}, expected a multiple of "
            f"config.prior.views_together, which is {together}; the nearest is {nearest}."
        )


PRIOR = PriorKind(
    "embedded",
    _make,
    fields={
        "data_std": number(at_least=0).of(0.0, "noise that blurs the data, in units of latents"),
        "views_together": whole(at_least=1).of(
            1, "views of a step that are known to show one object: their joint posterior"
        ),
        **IMAGE,
        "image_std": number(above=0).of(
            0.02, "deviation from the picture with which an object agrees, a pixel in [0, 1]"
        ),
    },
    run_fields={
        "views": one_of("camera", "direction").of(
            "camera", "what it knows of a view: the camera, or a word such as front"
        ),
        "cameras": whole(at_least=1).of(108, "of which it knows the renderings"),
        "azimuth": number().of(0.0, "degrees, of the first of them"),
    },
    check=_check,
    check_run=_check_run,
    has_network=False,
)
