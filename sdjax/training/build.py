"""From a config to the parts of a run: prior, stages, scene, rule, optimiser."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from sdjax.diffusion import annealing
from sdjax.guidance import weighting
from sdjax.guidance.dsd import constant, dsd, proportional
from sdjax.guidance.dsd_star import dsd_star
from sdjax.guidance.fsd import fsd
from sdjax.guidance.noise import fixed, world_map
from sdjax.guidance.ode import cached_ode, exact_ode
from sdjax.guidance.rule import Rule
from sdjax.guidance.sdi import sdi
from sdjax.guidance.sds import sds
from sdjax.objects.prompts import all_objects, find
from sdjax.priors.embedded import EmbeddedPrior, bank_cameras, build
from sdjax.scene import background, regularisers
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.fields.hash_grid import HashGrid
from sdjax.scene.fields.mlp import MLP
from sdjax.scene.image import Image
from sdjax.scene.nerf import NeRF
from sdjax.training.particle import CameraRange, Recipe


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
    """The resolution whose noise a particle keeps, and of the prior's bank."""
    return max(config.stages.resolution)


def make_prior(config: ConfigDict) -> EmbeddedPrior:
    """The embedded prior of the prompt's objects, or of all where a scale is not 1: only then
    the unconditional prediction, the mixture over everything, is asked for."""
    scales = [value for name, value in config.rule.items() if name.endswith("guidance_scale")]
    objects = find(config.prompt) if all(s == 1.0 for s in scales) else all_objects()
    camera = config.camera
    cameras = bank_cameras(
        camera.bank,
        azimuth=camera.azimuth,
        elevation=camera.elevation,
        distance=camera.distance,
        fovy=camera.fovy,
    )
    return build(
        objects,
        cameras,
        highest_resolution(config),
        views=config.prior.views,
        data_std=config.prior.data_std,
    )


def make_recipe(config: ConfigDict, stage: Stage) -> Recipe:
    """Everything static about one stage."""
    camera, learning_rate = config.camera, make_learning_rate(config)
    return Recipe(
        scene=make_scene(config, stage),
        make_rule=lambda prior: make_rule(config, prior, stage.resolution),
        optimizer=make_optimizer(config),
        learning_rate=learning_rate,
        losses=make_losses(config),
        cameras=CameraRange(camera.elevation, (camera.distance,) * 2, (camera.fovy,) * 2),
        views=camera.views,
        resolution=stage.resolution,
        noise_resolution=highest_resolution(config),
        total_steps=sum(config.stages.steps),
    )


def make_scene(config: ConfigDict, stage: Stage) -> NeRF | Image:
    """The image itself in 2D, a radiance field in 3D."""
    scene, losses = config.scene, config.losses
    if scene.name == "image":
        size = highest_resolution(config)
        return Image(height=size, width=size, spread=scene.spread)
    with_normals = any(losses[name] for name in ("orientation", "convexity", "normal_smoothness"))
    return NeRF(
        field=make_field(scene, stage),
        background=make_background(scene),
        samples=scene.samples,
        proposals=scene.proposals,
        normals=with_normals,
    )


def make_field(scene: ConfigDict, stage: Stage) -> DenseGrid | HashGrid | MLP:
    """The field of a radiance field, in the resolution of the stage."""
    blob = {"blob_scale": scene.blob_scale, "blob_radius": scene.blob_radius}
    makers: dict[str, Callable[[], Any]] = {
        "dense_grid": lambda: DenseGrid(resolution=stage.grid, **blob),
        "hash_grid": lambda: HashGrid(
            levels=scene.levels, log2_table_size=scene.log2_table_size, **blob
        ),
        "mlp": lambda: MLP(width=scene.width, layers=scene.layers, **blob),
    }
    return makers[scene.name]()


def make_background(scene: ConfigDict) -> background.Background:
    """What is behind the object; "random" is learned, but random half of the time."""
    makers = {
        "white": background.Solid,
        "learned": background.Learned,
        "random": lambda: background.Random(background.Learned()),
    }
    return makers[scene.background]()


def make_rule(config: ConfigDict, prior: Any, resolution: int) -> Rule:
    """The guidance rule for a prior at a resolution."""
    rule, schedule = config.rule, prior.schedule
    common = {"guidance_scale": rule.guidance_scale, "annealing": make_annealing(config)}
    if rule.name == "sdi":
        return sdi(
            schedule,
            inversion_guidance_scale=rule.inversion_guidance_scale,
            inversion_steps=rule.inversion_steps,
            inversion_eta=rule.inversion_eta,
            overshoot=rule.overshoot,
            **common,
        )
    if rule.name == "dsd_star":
        return dsd_star(schedule, **common)
    common["weighting"] = getattr(weighting, rule.weighting)
    if rule.name == "sds":
        return sds(schedule, **common)
    if rule.name == "fsd":
        noise = fixed() if rule.noise == "fixed" else world_map(rule.theta, rule.beta)
        return fsd(schedule, noise=noise, **common)
    arguments = (schedule, rule.ode_guidance_scale)
    if rule.ode == "cached":
        ode = cached_ode(*arguments, prior.cameras, resolution, resolution, rule.ode_steps)
    else:
        ode = exact_ode(*arguments, rule.ode_steps)
    proportionally = rule.overshoot == "proportional"
    return dsd(
        schedule,
        ode=ode,
        ode_guidance_scale=rule.ode_guidance_scale,
        base_guidance_scale=rule.base_guidance_scale,
        overshoot=proportional(config.annealing.t_min, rule.delta)
        if proportionally
        else constant(rule.delta),
        **common,
    )


def make_annealing(config: ConfigDict) -> annealing.Annealing:
    """The timestep as a function of progress."""
    bounds = {"t_max": config.annealing.t_max, "t_min": config.annealing.t_min}
    return {
        "uniform": annealing.uniform,
        "linear": annealing.linear,
        "sqrt": annealing.sqrt,
    }[config.annealing.name](**bounds)


def make_optimizer(config: ConfigDict) -> optax.GradientTransformation:
    """The direction of a step; its length is `make_learning_rate`'s."""
    optimizer = config.optimizer
    if optimizer.name == "sgd":
        return optax.identity()
    return optax.scale_by_adam(optimizer.b1, optimizer.b2, optimizer.eps)


def make_learning_rate(config: ConfigDict) -> Callable:
    """From `learning_rate` to `final` times that along half a cosine."""
    rate, final = config.optimizer.learning_rate, config.optimizer.final
    return lambda progress: rate * (final + (1 - final) * 0.5 * (1 + jnp.cos(jnp.pi * progress)))


def make_losses(config: ConfigDict) -> tuple:
    """The regularisers whose weight is not 0."""
    return tuple(
        (name, weight, getattr(regularisers, name))
        for name, weight in sorted(config.losses.items())
        if weight
    )
