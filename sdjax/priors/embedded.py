"""The embedded prior at work: what makes it, and its settings."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from sdjax.cameras import Camera
from sdjax.cameras import spread_cameras as bank_cameras
from sdjax.config.errors import UserError
from sdjax.config.fields import number, one_of, whole
from sdjax.config.kinds import Table
from sdjax.objects.model import Object
from sdjax.objects.prompts import all_objects, find
from sdjax.objects.render import render_views
from sdjax.priors.bank import Conditioning as Conditioning
from sdjax.priors.bank import EmbeddedPrior as EmbeddedPrior
from sdjax.priors.bank import cameras_of_directions, spread
from sdjax.priors.bank import resolution_schedule as resolution_schedule
from sdjax.priors.kind import Band, Data, PriorKind, Wanted


def build(
    objects: Sequence[Object],
    cameras: Camera,
    resolution: int,
    *,
    views: str = "camera",
    data_std: float = 0.0,
    band: Band | None = None,
) -> EmbeddedPrior:
    """The prior of `objects`, each rendered from each of `cameras` [cameras], which lie in
    `band`."""
    images = render_views(objects, cameras, resolution)
    bank = jnp.round(255.0 * images).astype(jnp.uint8)
    return EmbeddedPrior(
        resolution_schedule(resolution),
        bank,
        cameras,
        tuple(obj.name for obj in objects),
        views,
        data_std,
        cameras_of_directions(cameras) if views == "direction" else None,
        band,
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
        prompt: a mug, house, chair, car, teapot, tree, sailboat or rocket, narrowed by words such
            as "red" or "tall".
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
    objects = all_objects() if every_object else named
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
    views: str = "camera",
    cameras: int = 0,
    azimuth: float = 0.0,
) -> EmbeddedPrior:
    """Of the prompt's objects, or of all where the unconditional prediction is asked for: the
    mixture over everything."""
    if wanted.data is not None:
        return pooled(wanted.data, wanted.looking, data_std)
    objects = all_objects() if wanted.unconditional else find(wanted.prompt)
    band = wanted.looking if isinstance(wanted.looking, Band) else None
    bank = wanted.looking if band is None else spread(cameras, band, azimuth)
    return build(objects, bank, wanted.resolution, views=views, data_std=data_std, band=band)


def _check(table: Table, prompt: str) -> None:
    find(prompt)


def _check_run(config: Any) -> None:
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


PRIOR = PriorKind(
    "embedded",
    _make,
    fields={
        "data_std": number(at_least=0).of(0.0, "noise that blurs the data, in units of latents")
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
