"""The prior of views of objects, one that does not know the camera; and those views."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float
from ml_collections import ConfigDict

from sdjax.config.fields import number, several
from sdjax.config.kinds import made
from sdjax.objects.model import Object
from sdjax.objects.prompts import find
from sdjax.objects.render import render_views
from sdjax.priors import PRIORS
from sdjax.priors.kind import Data, Wanted
from sdjax.priors.prior import Prior
from sdjax.runs import sampling

CAMERA = {
    **sampling.CAMERA,
    "azimuths": several(number()).of(tuple(22.5 * k for k in range(16)), "of the views, degrees"),
}


def make_objects(config: ConfigDict) -> list[tuple[str, Object]]:
    """The first objects of each prompt, beside it; none twice."""
    count, chosen = config.analysis.objects_per_prompt, {}
    for prompt in config.prompts:
        for obj in find(prompt)[:count]:
            chosen.setdefault(obj.name, (prompt, obj))
    return list(chosen.values())


def make_images(
    config: ConfigDict, objects: Sequence[Object]
) -> Float[np.ndarray, "objects views h w 3"]:
    """All views of the objects, in whole steps of 1 / 255."""
    images = render_views(objects, sampling.view_cameras(config.camera), config.resolution)
    return np.round(255.0 * np.asarray(images)) / np.float32(255.0)


def prior_of_views(
    config: ConfigDict, names: Sequence[str], images: Float[np.ndarray, "objects views h w 3"]
) -> Prior:
    """The config's prior, made of these views where it is made of its data."""
    first = jax.tree.map(lambda leaf: leaf[:1], sampling.view_cameras(config.camera))
    wanted = Wanted(config.prompts[0], config.resolution, first, data=Data(names, images))
    return made(PRIORS, config.prior, wanted=wanted)


def blurred(latents: Any, data_std: float, seed: int) -> Any:
    """Latents with the noise that the embedded prior's data have."""
    if not data_std:
        return latents
    return latents + data_std * jax.random.normal(jax.random.key(seed), latents.shape)
