"""From a config to what is static about each stage of a run."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from sdjax.priors.prior import Prior
from sdjax.runs.build_rule import make_rule
from sdjax.runs.build_scene import make_scene
from sdjax.runs.build_schedules import make_ramp, total_steps
from sdjax.runs.particle import CameraRange, Recipe
from sdjax.scene import regularisers


class Stage(NamedTuple):
    """A part of the run at one resolution; `first` and `last` are steps, `last` excluded."""

    first: int
    last: int
    resolution: int  # pixels of a rendering
    grid: int  # vertices of a dense grid along an edge


def stages(config: ConfigDict) -> list[Stage]:
    """The stages that the config's table lists side by side."""
    table, result, first = config.stages, [], 0
    for steps, resolution, grid in zip(table.steps, table.resolution, table.grid, strict=True):
        result.append(Stage(first, first + steps, resolution, grid))
        first += steps
    return result


def highest_resolution(config: ConfigDict) -> int:
    """The resolution whose noise a particle keeps, and of the embedded prior's bank."""
    return max(config.stages.resolution)


def make_recipe(config: ConfigDict, prior: Prior, stage: Stage) -> Recipe:
    """Everything static about one stage; `prior` gives the shape of latents only."""
    camera, losses = config.camera, config.losses.to_dict()
    highest = highest_resolution(config)
    steps = total_steps(config)
    guidance_weight = make_ramp(losses.pop("guidance"), steps)
    scene = make_scene(config, stage, prior.latent_shape(highest))
    return Recipe(
        scene=scene,
        make_rule=lambda prior: make_rule(config, prior, stage.resolution),
        optimizer=make_optimizer(config),
        learning_rate=make_learning_rate(config),
        guidance_weight=guidance_weight,
        losses=make_losses(losses, steps),
        cameras=CameraRange(**{name: camera[name] for name in CameraRange._fields}),
        views=camera.views,
        resolution=scene.height if scene.in_latent_space else stage.resolution,
        noise_resolution=highest,
        total_steps=steps,
    )


def make_optimizer(config: ConfigDict) -> optax.GradientTransformation:
    """The direction of a step; its length is `make_learning_rate`'s, and for the background
    another one where the config has `background_learning_rate`."""
    optimizer = config.optimizer
    if optimizer.name == "sgd":
        return optax.identity()
    adam = optax.scale_by_adam(optimizer.b1, optimizer.b2, optimizer.eps)
    if optimizer.background_learning_rate is None:
        return adam
    factor = optimizer.background_learning_rate / optimizer.learning_rate
    is_background = lambda params: {  # noqa: E731
        name: jax.tree.map(lambda _, name=name: name == "background", part)
        for name, part in params.items()
    }
    return optax.chain(adam, optax.masked(optax.scale(factor), is_background))


def make_learning_rate(config: ConfigDict) -> Callable:
    """From `learning_rate` to `final` times that along half a cosine."""
    rate, final = config.optimizer.learning_rate, config.optimizer.final
    return lambda progress: rate * (final + (1 - final) * 0.5 * (1 + jnp.cos(jnp.pi * progress)))


def make_losses(weights: dict[str, Any], steps: int) -> tuple:
    """The regularisers whose weight is not 0: name, weight (`make_ramp`), function."""
    return tuple(
        (name, make_ramp(weight, steps), getattr(regularisers, name))
        for name, weight in sorted(weights.items())
        if weight
    )
