"""The prior of views of objects, one that does not know the camera; and those views."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sdjax.cameras import Camera
from sdjax.objects.model import Object
from sdjax.objects.prompts import find
from sdjax.priors.embedded import EmbeddedPrior, build
from sdjax.priors.prior import Prior
from sdjax.training.build_prior import make_stable_diffusion


def make_objects(config: ConfigDict) -> list[tuple[str, Object]]:
    """The first objects of each prompt, beside it; none twice."""
    number, chosen = config.analysis.objects_per_prompt, {}
    for prompt in config.prompts:
        for obj in find(prompt)[:number]:
            chosen.setdefault(obj.name, (prompt, obj))
    return list(chosen.values())


def make_prior(config: ConfigDict, objects: Sequence[Object]) -> Prior:
    """Stable Diffusion, or a prior whose data are all views of the objects."""
    if config.prior.name == "stable_diffusion":
        return make_stable_diffusion(config.prior, config.resolution)
    std = config.prior.data_std
    return pooled(build(objects, cameras(config), config.resolution, data_std=std))


def cameras(config: ConfigDict) -> Camera:
    """The config's cameras, one per azimuth."""
    camera, views = config.camera, len(config.camera.azimuths)
    same = (jnp.full(views, value) for value in (camera.elevation, camera.distance, camera.fovy))
    return Camera(jnp.asarray(camera.azimuths, jnp.float32), *same)


def pooled(prior: EmbeddedPrior) -> EmbeddedPrior:
    """The same renderings without the camera: each object seen from each camera is a datum of its
    own, and what is looked at is always their mixture."""
    objects, views = prior.bank.shape[:2]
    return prior.replace(
        bank=prior.bank.reshape(objects * views, 1, *prior.bank.shape[2:]),
        cameras=jax.tree.map(lambda leaf: leaf[:1], prior.cameras),
        names=tuple(np.repeat(prior.names, views).tolist()),
    )


def blurred(latents: Any, data_std: float, seed: int) -> Any:
    """Latents with the noise that the embedded prior's data have."""
    if not data_std:
        return latents
    return latents + data_std * jax.random.normal(jax.random.key(seed), latents.shape)
