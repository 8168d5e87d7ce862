"""One training step of one particle: camera -> render -> latents -> rule -> gradient -> optimiser.

All randomness of a particle comes from its seed and the step, so that it is the same whatever runs
beside it and wherever a run is resumed.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera, sample_camera
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.ramps import value_at
from sdjax.priors.prior import Prior
from sdjax.rules.contract import Latents, Rule, Update, View, image_residual, surrogate_loss
from sdjax.runs.particle import Particle, Recipe, seed_keys
from sdjax.scene.rendering import Rendering
from sdjax.scene.volume import mean_depth


class Log(NamedTuple):
    """What one step reports; every entry is a scalar."""

    losses: dict[str, Float[Array, ""]]  # the norm of the guidance gradient, and each regulariser
    t: Int[Array, ""]


class StepKeys(NamedTuple):
    """The randomness of one step of one particle."""

    camera: jax.Array
    render: jax.Array
    encode: jax.Array
    rule: jax.Array
    learning: jax.Array  # of what a `SharedRule` learns


class Seen(NamedTuple):
    """What a step showed to the rule."""

    latents: Latents
    view: View
    predictor: Predictor


def train_particle(
    recipe: Recipe,
    steps: int,
    prior: Prior,
    conditioning: Any,
    first_step: Int[Array, ""],
    seed: Int[Array, ""],
    particle: Particle,
) -> tuple[Particle, Log]:
    """`steps` steps from `first_step` on; the log has a leading axis of `steps`."""
    rule = recipe.make_rule(prior)

    def body(particle, step):
        keys = step_keys(seed, step)
        return train_step(recipe, prior, conditioning, rule, keys, particle, step)[:2]

    return jax.lax.scan(body, particle, first_step + jnp.arange(steps))


def step_keys(seed: Int[Array, ""], step: Int[Array, ""]) -> StepKeys:
    """The same whatever else is trained."""
    key = jax.random.fold_in(seed_keys(seed).steps, step)
    return StepKeys(*jax.random.split(key, 4), jax.random.fold_in(key, 4))


def train_step(
    recipe: Recipe,
    prior: Prior,
    conditioning: Any,
    rule: Rule,
    keys: StepKeys,
    particle: Particle,
    step: Int[Array, ""],
) -> tuple[Particle, Log, Seen]:
    """One descent step along the rule's gradient plus those of the regularisers."""
    progress = step / recipe.total_steps
    camera = _draw_cameras(recipe, prior, keys.camera)
    predictor = prior.predictor(conditioning, camera)

    def loss(params):
        rendering = _render(recipe, params, camera, keys.render, progress)
        latents = _latents(recipe, prior, rendering, keys.encode)
        constant = jax.lax.stop_gradient(latents)
        view = View(camera, rendering.opacity, _depth(rendering))
        update = rule.update(
            keys.rule, constant, particle.rule_state, predictor, progress=progress, view=view
        )
        terms = {
            name: jnp.mean(jax.vmap(regulariser)(rendering))
            for name, _, regulariser in recipe.losses
        }
        guidance = surrogate_loss(update.gradient, latents)
        guidance += _image_loss(prior, update, rendering.colour)
        total = value_at(recipe.guidance_weight, progress) * guidance / recipe.views
        total += sum(value_at(weight, progress) * terms[name] for name, weight, _ in recipe.losses)
        return total, (update, terms, constant, view)

    gradient, (update, terms, *shown) = jax.grad(loss, has_aux=True)(particle.params)
    direction, optimizer_state = recipe.optimizer.update(
        gradient, particle.optimizer_state, particle.params
    )
    rate = recipe.learning_rate(progress)
    params = jax.tree.map(lambda p, d: p - rate * d, particle.params, direction)
    losses = {"guidance": jnp.linalg.norm(update.gradient.ravel()), **terms}
    after = Particle(params, optimizer_state, update.state)
    return after, Log(losses, update.aux.t), Seen(*shown, predictor)


def current_latents(
    recipe: Recipe, prior: Prior, keys: StepKeys, particle: Particle, step: Int[Array, ""]
) -> Latents:
    """Those that `train_step` shows to the rule."""
    camera, progress = _draw_cameras(recipe, prior, keys.camera), step / recipe.total_steps
    rendering = _render(recipe, particle.params, camera, keys.render, progress)
    return _latents(recipe, prior, rendering, keys.encode)


def _image_loss(prior: Prior, update: Update, image: jax.Array) -> jax.Array | float:
    """The loss of a rule that draws the image to a target, too; 0 for the others."""
    if update.image_target is None:
        return 0.0
    decode = lambda latents: jax.image.resize(prior.decode(latents), image.shape, "linear")  # noqa: E731
    return surrogate_loss(image_residual(update.image_target, image, decode), image)


def _draw_cameras(recipe: Recipe, prior: Prior, key: jax.Array) -> Camera:
    draw = lambda key: prior.snap(sample_camera(key, **recipe.cameras._asdict()))  # noqa: E731
    return jax.vmap(draw)(jax.random.split(key, recipe.views))


def _depth(rendering: Rendering) -> Float[Array, "views h w 1"]:
    """Of what is seen, however thin; a rendering's own depth tends to the far bound there."""
    if rendering.samples is None:
        return rendering.depth
    return mean_depth(rendering.samples.weights, rendering.samples.distances)[..., None]


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
