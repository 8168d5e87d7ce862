"""From a configuration to the prior of a run, and to what is static about each of its stages."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from ml_collections import ConfigDict

from sdjax.cameras import Camera, turntable
from sdjax.config.kinds import arguments, made
from sdjax.diffusion.annealing import ANNEALINGS
from sdjax.diffusion.ramps import value_at
from sdjax.priors import PRIOR_OF_RUNS
from sdjax.priors.kind import Band, Wanted
from sdjax.priors.prior import Prior
from sdjax.rules import RULES
from sdjax.rules.contract import Rule
from sdjax.rules.kind import GUIDANCE_SCALE, Parts
from sdjax.rules.noise import NOISES
from sdjax.rules.rescaling import made_rescalings, rescaled
from sdjax.rules.shared import SharedRule, altered
from sdjax.runs.optimizers import OPTIMIZERS
from sdjax.runs.particle import CAMERA_RANGE, CameraRange, Recipe, ReferenceView, Start, middle
from sdjax.runs.stages import Stage, highest_resolution, total_steps
from sdjax.scene import SCENES
from sdjax.scene.kind import Place
from sdjax.scene.losses import LOSSES
from sdjax.scene.reference_losses import REFERENCE_LOSSES
from sdjax.scene.regularisers import REGULARISERS


def make_prior(config: ConfigDict, *, unconditional: bool | None = None) -> Prior:
    """The prior of a training config, for its highest resolution; whether the prediction without
    a prompt will be asked for is the rule's to say, unless it is given.

    Raises `ValueError` for what cannot be made or read.
    """
    if unconditional is None:
        unconditional = RULES[config.rule.name].asks_for_unconditional(config.rule)
    wanted = Wanted(
        prompt=config.prompt,
        resolution=highest_resolution(config),
        looking=Band(config.camera.elevation, *middle(config.camera)),
        unconditional=unconditional,
    )
    return made(PRIOR_OF_RUNS.kinds, config.prior, wanted=wanted)


def make_recipe(config: ConfigDict, prior: Prior, stage: Stage) -> Recipe:
    """Everything static about one stage; `prior` gives the shape of latents only."""
    steps = total_steps(config)
    scene = make_scene(config, prior, stage)
    optimizer = made(OPTIMIZERS, config.optimizer, steps)
    weights = arguments(LOSSES, config.losses, steps)
    guidance_weight = weights.pop("guidance")
    return Recipe(
        scene=scene,
        make_rule=lambda prior: make_rule(config, prior, stage.resolution),
        optimizer=optimizer.direction,
        learning_rate=optimizer.learning_rate,
        guidance_weight=guidance_weight,
        losses=tuple(
            (name, weights[name], REGULARISERS[name].penalty) for name in used_losses(config)
        ),
        cameras=CameraRange(**arguments(CAMERA_RANGE, config.camera)),
        views=stage.views,
        rig=config.camera.rig,
        resolution=scene.height if scene.in_latent_space else stage.resolution,
        noise_resolution=highest_resolution(config),
        total_steps=steps,
        start=_start(config, prior),
        reference=_reference(config, weights, stage),
    )


def _reference(config: ConfigDict, weights: dict[str, Any], stage: Stage) -> ReferenceView | None:
    """None where nothing is compared with the prior's picture."""
    used = used_losses(config, REFERENCE_LOSSES)
    losses = tuple((name, weights[name], REFERENCE_LOSSES[name].loss) for name in used)
    return ReferenceView(losses, stage.reference_resolution) if losses else None


def picture_camera(config: ConfigDict, prior: Prior) -> Camera:
    """The camera [1] that sees particles which are pictures: the prior's own where it has one,
    else one in front of the object, at the middle of the distances and lenses."""
    low, _ = config.camera.elevation
    around = turntable(1, low, *middle(config.camera))
    return prior.picture_camera(around._replace(azimuth=around.azimuth + 7.0))


def _start(config: ConfigDict, prior: Prior) -> Start | None:
    """At the guidance scale of the rule's ODE, or its own at first; 1 where it has none."""
    if config.scene.get("start", "spread") == "spread":
        return None
    rule = config.rule
    scale = rule.get("ode_guidance_scale", rule.get("guidance_scale", 1.0))
    scale = value_at(GUIDANCE_SCALE.read(scale, total_steps(config)), jnp.float32(0.0))
    return Start(picture_camera(config, prior), float(scale))


def make_rule(config: ConfigDict, prior: Any, resolution: int) -> Rule | SharedRule:
    """The guidance rule for a prior at a resolution."""
    steps = total_steps(config)
    annealing = arguments(ANNEALINGS[config.annealing.name].fields, config.annealing, steps)
    parts = Parts(
        prior=prior,
        annealing=ANNEALINGS[config.annealing.name].make(**annealing),
        noise=made(NOISES, config.noise, steps, radius=config.scene.get("radius")),
        resolution=resolution,
        t_min=annealing.get("t_min"),
        camera=picture_camera(config, prior),
        elevation=config.camera.elevation,
        steps=steps,
    )
    rule = made(RULES, config.rule, steps, parts=parts)
    rescalings = made_rescalings(config.gradient, steps)
    if not rescalings:
        return rule
    change = lambda rule: rescaled(rule, *rescalings)  # noqa: E731
    return altered(rule, change) if isinstance(rule, SharedRule) else change(rule)


def make_scene(config: ConfigDict, prior: Any, stage: Stage) -> Any:
    """The image itself or its latents in 2D, a radiance field in 3D; of the prior only the shape of
    latents is needed."""
    highest = highest_resolution(config)
    used = [REGULARISERS[name] for name in used_losses(config)]
    place = Place(
        size=highest,
        latent_shape=None if prior is None else prior.latent_shape(highest),
        grid=stage.grid,
        normals=any(entry.needs_normals for entry in used),
        perturbed_normals=any(entry.needs_perturbed_normals for entry in used),
    )
    return made(SCENES, config.scene, total_steps(config), place=place)


def used_losses(config: ConfigDict, listed: Mapping[str, Any] = REGULARISERS) -> list[str]:
    """The regularisers, or those of another list, whose weight is not 0, by name."""
    return [name for name in sorted(listed) if config.losses[name]]
