"""One training step of one particle: camera -> render -> latents -> rule -> gradient -> optimiser.

A particle is one seed: one scene being optimised.  All its randomness comes from its seed and the
step, so that it is the same whatever runs beside it and wherever a run is resumed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera, sample_camera
from sdjax.guidance.rule import Rule, View, surrogate_loss
from sdjax.priors.prior import Prior
from sdjax.scene.rendering import Rendering

Regulariser = Callable[[Rendering], Float[Array, ""]]
Weight = Callable[[Int[Array, ""]], float | Float[Array, ""]]


class CameraRange(NamedTuple):
    """From where a particle is seen; see `sdjax.cameras.sample_camera`."""

    elevation: tuple[float, float]
    distance: tuple[float, float]
    fovy: tuple[float, float]
    even_degrees: float
    camera_perturb: float
    center_perturb: float
    up_perturb: float


@struct.dataclass
class Recipe:
    """Everything static about a stage of training: a pytree without leaves.

    `make_rule(prior)` builds the rule inside `jit`, so that the prior's arrays are arguments.
    `losses` are the regularisers: name, weight as a function of the step, function of a rendering.
    """

    scene: Any = struct.field(pytree_node=False)
    make_rule: Callable[[Prior], Rule] = struct.field(pytree_node=False)
    optimizer: optax.GradientTransformation = struct.field(pytree_node=False)
    learning_rate: Callable[[Float[Array, ""]], Float[Array, ""]] = struct.field(pytree_node=False)
    guidance_weight: float = struct.field(pytree_node=False)  # of the rule's gradient
    losses: tuple[tuple[str, Weight, Regulariser], ...] = struct.field(pytree_node=False)
    cameras: CameraRange = struct.field(pytree_node=False)
    views: int = struct.field(pytree_node=False)  # cameras of one step
    resolution: int = struct.field(pytree_node=False)  # of a rendering
    noise_resolution: int = struct.field(pytree_node=False)  # the run's highest
    total_steps: int = struct.field(pytree_node=False)


class Particle(NamedTuple):
    """What changes while a particle is trained."""

    params: Any
    optimizer_state: Any
    rule_state: Any


class Log(NamedTuple):
    """What one step reports; every entry is a scalar."""

    losses: dict[str, Float[Array, ""]]  # the norm of the guidance gradient, and each regulariser
    t: Int[Array, ""]


def initial_particle(recipe: Recipe, prior: Prior, seed: Int[Array, ""]) -> Particle:
    """The particle of a seed before its first step."""
    params_key, rule_key, _ = _keys(seed)
    params = recipe.scene.init(params_key)
    shape = prior.latent_shape(recipe.noise_resolution)
    rule_state = recipe.make_rule(prior).init(rule_key, shape)
    return Particle(params, recipe.optimizer.init(params), rule_state)


def prepare_particle(
    recipe: Recipe, prior: Prior, conditioning: Any, particle: Particle
) -> Particle:
    """`Rule.prepare`: once per particle and resolution."""
    rule = recipe.make_rule(prior)
    predictor_at = lambda camera: prior.predictor(conditioning, camera)  # noqa: E731
    return particle._replace(rule_state=rule.prepare(particle.rule_state, predictor_at))


def train_particle(
    recipe: Recipe,
    prior: Prior,
    conditioning: Any,
    seed: Int[Array, ""],
    particle: Particle,
    first_step: Int[Array, ""],
    steps: int,
) -> tuple[Particle, Log]:
    """`steps` steps from `first_step` on; the log has a leading axis of `steps`."""

    def body(particle, step):
        return train_step(recipe, prior, conditioning, seed, particle, step)

    return jax.lax.scan(body, particle, first_step + jnp.arange(steps))


def train_step(
    recipe: Recipe,
    prior: Prior,
    conditioning: Any,
    seed: Int[Array, ""],
    particle: Particle,
    step: Int[Array, ""],
) -> tuple[Particle, Log]:
    """One descent step along the rule's gradient plus those of the regularisers."""
    key = jax.random.fold_in(_keys(seed)[2], step)
    camera_key, render_key, encode_key, rule_key = jax.random.split(key, 4)
    progress = step / recipe.total_steps
    camera = _draw_cameras(recipe, prior, camera_key)
    predictor = prior.predictor(conditioning, camera)
    rule = recipe.make_rule(prior)

    def loss(params):
        rendering = _render(recipe, params, camera, render_key, progress)
        latents = _latents(recipe, prior, rendering, encode_key)
        update = rule.update(
            rule_key,
            jax.lax.stop_gradient(latents),
            particle.rule_state,
            predictor,
            progress=progress,
            view=View(camera, rendering.opacity),
        )
        terms = {
            name: jnp.mean(jax.vmap(regulariser)(rendering))
            for name, _, regulariser in recipe.losses
        }
        total = recipe.guidance_weight * surrogate_loss(update.gradient, latents) / recipe.views
        total += sum(weight(step) * terms[name] for name, weight, _ in recipe.losses)
        return total, (update, terms)

    gradient, (update, terms) = jax.grad(loss, has_aux=True)(particle.params)
    direction, optimizer_state = recipe.optimizer.update(
        gradient, particle.optimizer_state, particle.params
    )
    rate = recipe.learning_rate(progress)
    params = jax.tree.map(lambda p, d: p - rate * d, particle.params, direction)
    losses = {"guidance": jnp.linalg.norm(update.gradient.ravel()), **terms}
    return Particle(params, optimizer_state, update.state), Log(losses, update.aux.t)


def particle_noise(seed: Int[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """The noise that a rule with one fixed noise gives to this seed (`Rule.init`'s draw)."""
    return jax.random.normal(_keys(seed)[1], shape)


def _keys(seed: Int[Array, ""]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """For the first params, for the rule's noise, and for the steps."""
    params_key, rule_key, step_key = jax.random.split(jax.random.key(seed), 3)
    return params_key, rule_key, step_key


def _draw_cameras(recipe: Recipe, prior: Prior, key: jax.Array) -> Camera:
    draw = lambda key: prior.snap(sample_camera(key, **recipe.cameras._asdict()))  # noqa: E731
    return jax.vmap(draw)(jax.random.split(key, recipe.views))


def _render(
    recipe: Recipe, params: Any, camera: Camera, key: jax.Array, progress: Any
) -> Rendering:
    def one(camera, key):
        size = recipe.resolution
        return recipe.scene.render(params, camera, key, size, size, progress=progress)

    return jax.vmap(one)(camera, jax.random.split(key, recipe.views))


def _latents(recipe: Recipe, prior: Prior, rendering: Rendering, key: jax.Array) -> jax.Array:
    if recipe.scene.in_latent_space:
        return rendering.colour
    return prior.encode(rendering.colour, key)
