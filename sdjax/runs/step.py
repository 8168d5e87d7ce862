"""One training step of one particle: camera -> render -> latents -> rule -> gradient -> optimiser.

All randomness of a particle comes from its seed and the step, so that it is the same whatever runs
beside it and wherever a run is resumed.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.cameras import Camera
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.ramps import value_at
from sdjax.priors.prior import Prior
from sdjax.rigs import sample_rig
from sdjax.rules.contract import Latents, Rule, Update, View, image_residual
from sdjax.runs.freezing import settled
from sdjax.runs.particle import Particle, Recipe, seed_keys
from sdjax.runs.several_steps import Span, several_steps
from sdjax.scene.reference_losses import resized
from sdjax.scene.rendering import Rendering
from sdjax.scene.volume import mean_depth

# Images, or latents where a particle is such.
Rendered = Float[Array, "views height width channels"]


class Log(NamedTuple):
    """What one step reports; every entry is a scalar."""

    losses: dict[str, Float[Array, ""]]  # the norm of the guidance gradient, and each regulariser
    t: Int[Array, ""]
    opacity: Float[Array, ""]  # mean over the pictures of the step


class StepKeys(NamedTuple):
    """The randomness of one step of one particle."""

    camera: jax.Array
    render: jax.Array
    encode: jax.Array
    rule: jax.Array
    learning: jax.Array  # of what a `SharedRule` learns


class Shown(NamedTuple):
    """What is differentiated by the params of a particle: what its views show."""

    latents: Latents
    image: Rendered
    penalties: dict[str, Float[Array, ""]]  # of the regularisers, without their weights


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
    span: Span,
    seed: Int[Array, ""],
    particle: Particle,
) -> tuple[Particle, Log]:
    """The steps of `span`, `steps` at most; the log has a leading axis of `steps`."""
    rule = recipe.make_rule(prior)

    def body(particle, step):
        keys = step_keys(seed, step)
        return train_step(recipe, prior, conditioning, rule, keys, particle, step)[:2]

    return several_steps(body, particle, span, steps)


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

    def shown(params):
        return show(recipe, prior, keys, params, step)

    seen, pull, view = jax.vjp(shown, particle.params, has_aux=True)
    predictor = prior.predictor(conditioning, view.camera)
    cotangents, state, log = guide(recipe, prior, rule, keys, particle, step, seen, view, predictor)
    after = descend(recipe, particle, *pull(cotangents), state, log, step)
    return after, log, Seen(seen.latents, view, predictor)


def show(
    recipe: Recipe, prior: Prior, keys: StepKeys, params: Any, step: Int[Array, ""]
) -> tuple[Shown, View]:
    """Render the views of a step and encode them."""
    progress = step / recipe.total_steps
    camera = draw_cameras(recipe, prior, keys.camera)
    rendering = _render(recipe, params, camera, keys.render, progress)
    penalties = {name: jnp.mean(jax.vmap(penalty)(rendering)) for name, _, penalty in recipe.losses}
    penalties |= _beside_reference(recipe, prior, params, keys.render, progress)
    latents = _latents(recipe, prior, rendering, keys.encode)
    view = View(camera, rendering.opacity, _depth(rendering))
    return Shown(latents, rendering.colour, penalties), view


def guide(
    recipe: Recipe,
    prior: Prior,
    rule: Rule,
    keys: StepKeys,
    particle: Particle,
    step: Int[Array, ""],
    shown: Shown,
    view: View,
    predictor: Predictor,
) -> tuple[Shown, Any, Log]:
    """The gradient with respect to what is shown, the rule's next state, and what is logged."""
    progress = step / recipe.total_steps
    update = rule.update(
        keys.rule, shown.latents, particle.rule_state, predictor, progress=progress, view=view
    )
    weight = 1.0 / recipe.views * value_at(recipe.guidance_weight, progress)
    gradient = Shown(
        weight * update.gradient,
        weight * _image_gradient(prior, update, shown.image),
        {name: jnp.float32(value_at(factor, progress)) for name, factor in recipe.weights.items()},
    )
    losses = {"guidance": jnp.linalg.norm(update.gradient.ravel()), **shown.penalties}
    return gradient, update.state, Log(losses, update.aux.t, jnp.mean(view.opacity))


def descend(
    recipe: Recipe,
    particle: Particle,
    gradient: Any,
    rule_state: Any,
    log: Log,
    step: Int[Array, ""],
) -> Particle:
    """The particle after a step of its optimiser along the gradient of its params, or as it was
    where something in the step is not finite (`settled`)."""
    rate = recipe.learning_rate(step / recipe.total_steps)

    def moved(particle, gradient):
        direction, optimizer_state = recipe.optimizer.update(
            gradient, particle.optimizer_state, particle.params
        )
        params = jax.tree.map(lambda p, d: p - rate * d, particle.params, direction)
        return Particle(params, optimizer_state, rule_state, particle.failure)

    losses = [log.losses[name] for name in ("guidance", *recipe.weights)]
    return settled(particle, moved, losses, gradient, step)


def _image_gradient(prior: Prior, update: Update, image: Rendered) -> Rendered:
    """Of a rule that draws the image to a target, too; 0 for the others."""
    if update.image_target is None:
        return jnp.zeros_like(image)
    decode = lambda latents: jax.image.resize(prior.decode(latents), image.shape, "linear")  # noqa: E731
    return image_residual(update.image_target, image, decode)


def draw_cameras(recipe: Recipe, prior: Prior, key: jax.Array) -> Camera:
    """The cameras [views] of a step, rig by rig, as the prior knows them."""

    def draw(key):
        return prior.snap(sample_rig(key, recipe.rig, **recipe.cameras._asdict()))

    rigs = jax.vmap(draw)(jax.random.split(key, recipe.views // recipe.rig))
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), rigs)


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

    keys = jax.random.split(key, recipe.views // recipe.rig)
    return jax.vmap(one)(camera, jnp.repeat(keys, recipe.rig))  # a rig has one background


def _beside_reference(
    recipe: Recipe, prior: Prior, params: Any, key: jax.Array, progress: Any
) -> dict[str, Float[Array, ""]]:
    """What is asked of the view that the prior's picture shows, if anything."""
    if recipe.reference is None:
        return {}
    own, size = prior.reference, recipe.reference.resolution
    camera = jax.tree.map(lambda leaf: leaf[0], own.camera)
    key = jax.random.fold_in(key, recipe.views)
    rendering = recipe.scene.render(params, camera, key, size, size, progress=progress)
    image, mask = (resized(picture, size) for picture in (own.image, own.mask))
    return {name: loss(rendering, image, mask) for name, _, loss in recipe.reference.losses}


def _latents(recipe: Recipe, prior: Prior, rendering: Rendering, key: jax.Array) -> jax.Array:
    if recipe.scene.in_latent_space:
        return rendering.colour
    return prior.encode(rendering.colour, key)
