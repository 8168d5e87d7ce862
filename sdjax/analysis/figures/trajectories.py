"""The trajectories of DDIM and of some rules from the noise of one seed."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from sdjax.analysis.figures.drawing import Drawing
from sdjax.analysis.runs import make_recipes, prior_of_runs, training_configs
from sdjax.analysis.trajectories import (
    Trajectory,
    ddim_trajectory,
    evenly,
    misalignment,
    rule_trajectory,
)
from sdjax.analysis.trajectory_picture import decoded, trajectory_picture
from sdjax.cameras import Camera
from sdjax.config.fields import whole
from sdjax.config.kinds import Kind
from sdjax.priors.prior import Prior
from sdjax.runs.particle import Recipe, particle_noise
from sdjax.runs.sampling import Sampling
from sdjax.runs.stages import highest_resolution

NOTES = {
    "DDIM": "Plain sampling; the clean variable is x_t without the noise that it started from.",
    "rule": "The clean variable is the image that the rule leads; x_t is that image with noise.",
}


def prepare(config: ConfigDict) -> Drawing:
    """Build what the config describes; raises `UserError` for what cannot be built."""
    configs = training_configs(config)
    prior = prior_of_runs(configs)
    recipes = make_recipes(configs, prior)
    first = next(iter(configs.values()))
    follow_ddim = functools.partial(_ddim, config, first)
    return functools.partial(_draw, config, prior, follow_ddim, recipes)


def _draw(config: ConfigDict, prior: Prior, follow_ddim: Any, recipes: dict[str, Recipe]) -> Any:
    arguments = (prior, prior.condition(config.prompt), jnp.int32(config.first_seed))
    runs = {"DDIM": jax.jit(follow_ddim)(*arguments)}
    for name, recipe in recipes.items():
        moments = evenly(recipe.total_steps, config.analysis.moments)
        follow = functools.partial(rule_trajectory, recipe, moments=moments)
        runs[name] = jax.jit(follow)(*arguments)
    numbers = {name: _numbers(run) for name, run in runs.items()}
    notes = {name: NOTES["DDIM" if name == "DDIM" else "rule"] for name in runs}
    shown = {name: decoded(prior, run) for name, run in runs.items()}
    title = f'"{config.prompt}" in the making, from the noise of seed {config.first_seed}'
    picture = trajectory_picture(shown, notes, title)
    return picture, {"clean variable to one-step estimate (rms)": numbers}


def _ddim(
    config: ConfigDict, run: ConfigDict, prior: Prior, conditioning: Any, seed: jax.Array
) -> Trajectory:
    """From the noise that a rule with one fixed noise gives to the seed."""
    noise = particle_noise(seed, prior.latent_shape(highest_resolution(run)))
    predictor = prior.predictor(conditioning, one_camera(run, prior))
    moments = evenly(config.ddim.steps, config.analysis.moments)
    settings = Sampling(**config.ddim.to_dict()).of(prior)._asdict()
    del settings["eta"]
    return ddim_trajectory(predictor, prior.schedule, noise, moments, **settings)


def one_camera(run: ConfigDict, prior: Prior) -> Camera:
    """The camera [1] of the prior; where it has none of its own, one from the front."""
    camera = run.camera
    values = (0.0, camera.elevation[0], camera.distance[0], camera.fovy[0])
    front = Camera(*(jnp.full(1, value, jnp.float32) for value in values))
    return prior.picture_camera(front)


def _numbers(run: Trajectory) -> dict[str, float]:
    pairs = zip(run.t.tolist(), misalignment(run).tolist(), strict=True)
    return {f"t = {t}": round(value, 4) for t, value in pairs}


ANALYSIS = Kind(
    "trajectories", prepare, {"moments": whole(at_least=2).of(7, "of each run that are drawn")}
)
