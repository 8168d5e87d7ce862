"""The prior of views of objects, one that does not know the camera; and those views."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from ml_collections import ConfigDict

from sdjax.cameras import Camera
from sdjax.objects.model import Object
from sdjax.objects.prompts import find
from sdjax.objects.render import render_views
from sdjax.priors.embedded import EmbeddedPrior, resolution_schedule
from sdjax.priors.prior import Prior
from sdjax.runs.build_prior import make_stable_diffusion


def make_objects(config: ConfigDict) -> list[tuple[str, Object]]:
    """The first objects of each prompt, beside it; none twice."""
    number, chosen = config.analysis.objects_per_prompt, {}
    for prompt in config.prompts:
        for obj in find(prompt)[:number]:
            chosen.setdefault(obj.name, (prompt, obj))
    return list(chosen.values())


def make_images(
    config: ConfigDict, objects: Sequence[Object]
) -> Float[np.ndarray, "objects views h w 3"]:
    """All views of the objects, in whole steps of 1 / 255."""
    images = render_views(objects, cameras(config), config.resolution)
    return np.round(255.0 * np.asarray(images)) / np.float32(255.0)


def make_prior(
    config: ConfigDict, names: Sequence[str], images: Float[np.ndarray, "objects views h w 3"]
) -> Prior:
    """Stable Diffusion, or `pooled` views of the named objects."""
    if config.prior.name == "stable_diffusion":
        return make_stable_diffusion(config.prior, config.resolution)
    first = jax.tree.map(lambda leaf: leaf[:1], cameras(config))
    return pooled(names, images, first, config.prior.data_std)


def cameras(config: ConfigDict) -> Camera:
    """The config's cameras, one per azimuth."""
    camera, views = config.camera, len(config.camera.azimuths)
    same = (jnp.full(views, value) for value in (camera.elevation, camera.distance, camera.fovy))
    return Camera(jnp.asarray(camera.azimuths, jnp.float32), *same)


def pooled(
    names: Sequence[str],
    images: Float[np.ndarray, "objects views h w 3"],
    camera: Camera,
    data_std: float,
) -> EmbeddedPrior:
    """A prior whose data are all the images, whatever the camera: each view of each object is a
    datum of its own, and what is looked at is always their mixture."""
    objects, views, size = images.shape[:3]
    bank = np.round(255.0 * images).astype(np.uint8).reshape(objects * views, 1, *images.shape[2:])
    repeated = tuple(name for name in names for _ in range(views))
    schedule = resolution_schedule(size)
    return EmbeddedPrior(schedule, jnp.asarray(bank), camera, repeated, data_std=data_std)


def blurred(latents: Any, data_std: float, seed: int) -> Any:
    """Latents with the noise that the embedded prior's data have."""
    if not data_std:
        return latents
    return latents + data_std * jax.random.normal(jax.random.key(seed), latents.shape)
