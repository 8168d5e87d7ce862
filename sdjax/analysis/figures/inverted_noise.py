"""t-SNE of the inverted noise of several views of several objects, beside that of the views."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from sdjax.analysis.figures.drawing import Drawing
from sdjax.analysis.inverted_noise import (
    chance,
    distance_ratio,
    inverted_noise,
    relative_norm,
    same_object_share,
    tsne,
)
from sdjax.analysis.inverted_noise_picture import inverted_noise_picture
from sdjax.analysis.views import blurred, make_images, make_objects, prior_of_views
from sdjax.config.fields import number, whole
from sdjax.config.kinds import Kind
from sdjax.priors.prior import Prior
from sdjax.runs.sampling import view_cameras


def prepare(config: ConfigDict) -> Drawing:
    """Build what the config describes; raises `UserError` for what cannot be built."""
    prompts, objects = zip(*make_objects(config), strict=True)
    images, names = make_images(config, objects), [obj.name for obj in objects]
    prior = prior_of_views(config, names, images)
    return functools.partial(_draw, config, prior, images, names, prompts)


def _draw(
    config: ConfigDict,
    prior: Prior,
    images: np.ndarray,
    names: Sequence[str],
    prompts: Sequence[str],
) -> Any:
    around = view_cameras(config.camera)
    encode = jax.jit(lambda prior, image: prior.encode(image))
    invert = jax.jit(functools.partial(inverted_noise, **config.ddim.to_dict()))
    found, latents = [], []
    for i, prompt in enumerate(prompts):
        clean = blurred(encode(prior, images[i]), config.prior.get("data_std", 0.0), i)
        latents.append(np.asarray(clean))
        found.append(np.asarray(invert(prior, prior.condition(prompt), clean, around)))
    vectors = {"the views themselves": _flat(latents), "their DDIM-inverted noise": _flat(found)}
    perplexity = config.analysis.perplexity
    layouts = {name: tsne(part, perplexity=perplexity) for name, part in vectors.items()}
    numbers = {name: _numbers(part) for name, part in vectors.items()}
    notes = {name: _note(part) for name, part in numbers.items()}
    return inverted_noise_picture(layouts, images, names, notes), numbers


def _flat(arrays: list[np.ndarray]) -> np.ndarray:
    stacked = np.stack(arrays)
    return stacked.reshape(*stacked.shape[:2], -1)


def _numbers(vectors: np.ndarray) -> dict[str, float]:
    return {
        "nearest is of the same object": round(same_object_share(vectors), 3),
        "by chance": round(chance(vectors), 3),
        "distance within objects / between": round(distance_ratio(vectors), 3),
        "norm / that of Gaussian noise": round(relative_norm(vectors), 3),
    }


def _note(numbers: dict[str, float]) -> str:
    same, by_chance, ratio, norm = numbers.values()
    return (
        f"nearest neighbour is of the same object: {same:.0%} (by chance {by_chance:.0%});\n"
        f"distance within objects / between them: {ratio:.2f}; norm / that of Gaussian noise: "
        f"{norm:.2f}"
    )


ANALYSIS = Kind(
    "inverted_noise",
    prepare,
    {
        "objects_per_prompt": whole(at_least=1).of(2, "the first of each"),
        "perplexity": number(above=1).of(15.0, "of t-SNE"),
    },
)
