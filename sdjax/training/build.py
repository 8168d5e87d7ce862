"""From a config to what is static about each stage of a run."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from sdjax.priors.prior import Prior
from sdjax.scene import regularisers
from sdjax.training.build_rule import make_rule
from sdjax.training.build_scene import make_scene
from sdjax.training.particle import CameraRange, Recipe


class Stage(NamedTuple):
    """A part of the run at one resolution; `first` and `last` are steps, `last` excluded."""

    first: int
    last: int
    resolution: int  # pixels of a rendering
    grid: int  # vertices of a dense grid along an edge


class Ramp(NamedTuple):
    """A weight that changes linearly from one step to another and is constant outside."""

    first_step: int
    first: float
    last: float
    last_step: int

    def __call__(self, step: Any) -> jax.Array:
        """The weight at a step."""
        share = (step - self.first_step) / max(1, self.last_step - self.first_step)
        return self.first + (self.last - self.first) * jnp.clip(share, 0.0, 1.0)


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
    guidance_weight = losses.pop("guidance")
    scene = make_scene(config, stage, prior.latent_shape(highest))
    return Recipe(
        scene=scene,
        make_rule=lambda prior: make_rule(config, prior, stage.resolution),
        optimizer=make_optimizer(config),
        learning_rate=make_learning_rate(config),
        guidance_weight=guidance_weight,
        losses=make_losses(losses),
        cameras=CameraRange(**{name: camera[name] for name in CameraRange._fields}),
        views=camera.views,
        resolution=scene.height if scene.in_latent_space else stage.resolution,
        noise_resolution=highest,
        total_steps=sum(config.stages.steps),
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


def make_losses(weights: dict[str, Any]) -> tuple:
    """The regularisers whose weight is not 0: name, weight as a function of the step, function."""
    return tuple(
        (name, make_weight(weight), getattr(regularisers, name))
        for name, weight in sorted(weights.items())
        if weight
    )


def make_weight(weight: float | tuple) -> Callable[[Any], Any]:
    """A constant, or a `Ramp` given as (first step, first, last, last step)."""
    return Ramp(*weight) if isinstance(weight, tuple) else lambda step: weight
