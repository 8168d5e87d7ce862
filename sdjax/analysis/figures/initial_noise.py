"""Results of DDIM and of some rules from the noise of several seeds, flipped and shuffled."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sdjax.analysis import initial_noise as rearrangements
from sdjax.analysis.figures.drawing import Drawing
from sdjax.analysis.figures.trajectories import one_camera
from sdjax.analysis.initial_noise import (
    ddim_result,
    differences,
    patch_sources,
    rearranged,
    rule_result,
    starting_rearranged,
)
from sdjax.analysis.initial_noise_picture import initial_noise_picture
from sdjax.analysis.layout import titled
from sdjax.analysis.rules import of_one_particle
from sdjax.analysis.runs import make_recipes, prior_of_runs, training_configs
from sdjax.config.fields import flag, whole
from sdjax.config.kinds import Kind
from sdjax.priors.prior import Prior
from sdjax.runs.mapping import over_particles
from sdjax.runs.particle import particle_noise
from sdjax.runs.placement import usable_devices
from sdjax.runs.sampling import Sampling
from sdjax.runs.stages import highest_resolution

NOTE = (
    "Each column starts from the numbers of one noise, left as they are or moved to other places; "
    "frames of one colour\nhold the same patch of noise (flipping also mirrors what is inside)."
)


def prepare(config: ConfigDict) -> Drawing:
    """Build what the config describes; raises `UserError` for what cannot be built."""
    configs = training_configs(config)
    first = next(iter(configs.values()))
    prior, size = prior_of_runs(configs), highest_resolution(first)
    if config.analysis.mirror_images:
        prior = prior.mirrored()
    shape = prior.latent_shape(size)
    kinds = _kinds(*shape[:2], config.analysis.patches)
    sampling, camera = Sampling(**config.ddim.to_dict()).of(prior), one_camera(first, prior)
    methods = {"DDIM": functools.partial(ddim_result, sampling, camera, size)}
    for name, recipe in make_recipes(configs, prior).items():
        moved = starting_rearranged(of_one_particle(recipe.make_rule(prior)), kinds["unchanged"])
        jax.eval_shape(lambda key, moved=moved: moved.init(key, shape), jax.random.key(0))
        methods[name] = functools.partial(rule_result, recipe, camera)
    devices = usable_devices(config.seeds * len(kinds), first.run.devices)
    draw = lambda method: over_particles(method, 2, devices=devices, mapping=first.run.mapping)  # noqa: E731
    methods = {name: draw(method) for name, method in methods.items()}
    return functools.partial(_draw, config, prior, shape, kinds, methods)


def _kinds(height: int, width: int, patches: int) -> dict[str, np.ndarray]:
    return {
        "unchanged": rearrangements.unchanged(height, width),
        "flipped left-right": rearrangements.flipped_left_right(height, width),
        "flipped upside down": rearrangements.flipped_upside_down(height, width),
        "shuffled": rearrangements.shuffled(height, width, patches, seed=0),
    }


def _draw(
    config: ConfigDict,
    prior: Prior,
    shape: tuple[int, int, int],
    kinds: dict[str, np.ndarray],
    methods: dict[str, Callable],
) -> Any:
    seeds, number = config.first_seed + np.arange(config.seeds, dtype=np.int32), len(kinds)
    conditioning = prior.condition(config.prompt)
    every_seed = jnp.asarray(np.repeat(seeds, number))
    every_kind = jnp.asarray(np.tile(np.stack([*kinds.values()]), (len(seeds), 1, 1)))
    results = {}
    for name, method in methods.items():
        images = np.asarray(method(prior, conditioning, every_seed, every_kind))
        results[name] = images.reshape(len(seeds), number, *images.shape[1:])
    numbers = {name: differences(images, list(kinds)) for name, images in results.items()}
    shown = slice(config.analysis.shown)
    picture = initial_noise_picture(
        np.stack([_noises(seed, shape, kinds) for seed in seeds[shown].tolist()]),
        {name: images[shown] for name, images in results.items()},
        list(kinds),
        [patch_sources(kind, config.analysis.patches) for kind in kinds.values()],
        seeds[shown].tolist(),
    )
    title = f'"{config.prompt}" from noise that is flipped or shuffled'
    return titled(picture, title, NOTE), {"differences of images (rms)": numbers}


def _noises(seed: int, shape: tuple[int, int, int], kinds: dict[str, np.ndarray]) -> np.ndarray:
    noise = particle_noise(jnp.int32(seed), shape)
    return np.stack([np.asarray(rearranged(noise, kind)) for kind in kinds.values()])


ANALYSIS = Kind(
    "initial_noise",
    prepare,
    {
        "patches": whole(at_least=2).of(2, "along an edge, into which a noise is cut"),
        "mirror_images": flag().of(False, "add those of the data, where the prior has data"),
        "shown": whole(at_least=1).of(2, "seeds in the picture"),
    },
)
