"""All particles of a run, and their training where a rule shares something between them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.priors.prior import Prior
from sdjax.rules.shared import Everyone, SharedRule
from sdjax.runs.freezing import Failure, is_finite, term_names, updated
from sdjax.runs.mapping import DevicePopulation
from sdjax.runs.particle import Particle, Recipe
from sdjax.runs.several_steps import Span, several_steps
from sdjax.runs.step import Log, Seen, StepKeys, descend, guide, show, step_keys, train_step


class Population(NamedTuple):
    """A `Particle` with a leading axis of particles, and what they share."""

    params: Any
    optimizer_state: Any
    rule_state: Any
    failure: Failure
    shared: Any = None  # of a `SharedRule`; no leading axis

    @property
    def particles(self) -> Particle:
        """Without what they share."""
        return Particle(*self[:4])


class RunKeys(NamedTuple):
    """The randomness that belongs to no seed."""

    shared: jax.Array  # of `SharedRule.init`
    cameras: jax.Array  # of the steps whose cameras are those of all particles


def run_keys(first_seed: Int[Array, ""] | int) -> RunKeys:
    """From the first seed of a run, beside the keys that are its particle's own."""
    key = jax.random.split(jax.random.key(first_seed), 5)[4]
    return RunKeys(*jax.random.split(key))


def initial_shared(recipe: Recipe, prior: Prior, first_seed: Int[Array, ""]) -> Any:
    """What a `SharedRule` shares before the first step; None for another rule."""
    rule = recipe.make_rule(prior)
    return rule.init(run_keys(first_seed).shared) if isinstance(rule, SharedRule) else None


def train_population(
    recipe: Recipe,
    steps: int,
    population: DevicePopulation,
    prior: Prior,
    conditioning: Any,
    first_seed: Int[Array, ""],
    span: Span,
    shared: Any,
    seeds: Int[Array, "own"],
    particles: Particle,
) -> tuple[tuple[Particle, Log], Any]:
    """The steps of `span`, `steps` at most, of all particles and of what their rule shares.

    At each step all particles move, then what is shared moves along the mean of their gradients,
    which were taken before.  Returns the particles and their log [own, steps], and the shared.
    """
    rule = recipe.make_rule(prior)
    move = move_together if rule.sees_everyone else move_apart

    def body(carry, step):
        particles, shared = carry
        scene = Scene(recipe, prior, conditioning, rule, first_seed, step)
        (particles, log), gradient = move(scene, population, shared, seeds, particles)
        return (particles, rule.apply(shared, gradient)), log

    (particles, shared), log = several_steps(body, (particles, shared), span, steps)
    log = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1), log)
    return (particles, log), shared


class Scene(NamedTuple):
    """What is the same for all particles in a step."""

    recipe: Recipe
    prior: Prior
    conditioning: Any
    rule: SharedRule
    first_seed: Int[Array, ""]
    step: Int[Array, ""]

    def keys(self, seed: Int[Array, ""]) -> StepKeys:
        """A particle's own; its cameras are those of all where particles see each other."""
        keys = step_keys(seed, self.step)
        if not self.rule.sees_everyone:
            return keys
        cameras = run_keys(self.first_seed).cameras
        return keys._replace(camera=jax.random.fold_in(cameras, self.step))

    def learn(self, seed: Int[Array, ""], seen: Seen, shared: Any, log: Log) -> tuple[Log, Any]:
        """The log with what a particle adds to what is shared, and that gradient."""
        key = self.keys(seed).learning
        learned = self.rule.learn(key, seen.latents, shared, seen.predictor, view=seen.view)
        return log._replace(losses={**log.losses, **learned.losses}), learned.gradient

    def settle(self, particle: Particle, gradient: Any) -> Particle:
        """The particle, stopped where what it adds to what is shared is not finite."""
        first = len(term_names(list(self.recipe.weights))) - 1
        failure = updated(particle.failure, [gradient], self.step, first)
        return particle._replace(failure=failure)


def move_apart(
    scene: Scene, population: DevicePopulation, shared: Any, seeds: Any, particles: Particle
) -> tuple[tuple[Particle, Log], Any]:
    """A step of particles that only share a state: each as if it were alone."""
    own_rule = scene.rule.rule(shared, None)

    def one(seed, particle):
        particle, log, seen = train_step(
            scene.recipe,
            scene.prior,
            scene.conditioning,
            own_rule,
            scene.keys(seed),
            particle,
            scene.step,
        )
        log, gradient = scene.learn(seed, seen, shared, log)
        particle = scene.settle(particle, gradient)
        return (particle, log), gradient, particle.failure.is_none

    return population.each_and_mean(one, seeds, particles)


def _seen(
    latents: Float[Array, "own views h w c"], particles: Particle, weights: Float[Array, "own"]
) -> tuple[Float[Array, "own views h w c"], Float[Array, "own"]]:
    """What the others see of particles, and with which weight: none of one that has stopped, or
    that is about to."""
    finite = jax.vmap(is_finite)(latents)
    seen = finite & particles.failure.is_none
    latents = jnp.where(jnp.expand_dims(finite, (1, 2, 3, 4)), latents, 0.0)
    return latents, jnp.where(seen, weights, 0.0)


def move_together(
    scene: Scene, population: DevicePopulation, shared: Any, seeds: Any, particles: Particle
) -> tuple[tuple[Particle, Log], Any]:
    """A step of particles that see each other: first all are rendered, then each is guided."""
    recipe, prior, _, rule, _, step = scene

    def all_shown(params):
        one = lambda seed, params: show(recipe, prior, scene.keys(seed), params, step)  # noqa: E731
        return population.each(one, seeds, params)

    shown, pull, views = jax.vjp(all_shown, particles.params, has_aux=True)
    seen = _seen(shown.latents, particles, population.weights)
    everyone = Everyone(*population.gather(seen))
    own_rule = rule.rule(shared, everyone)

    def one(seed, particle, shown, view):
        keys, predictor = scene.keys(seed), prior.predictor(scene.conditioning, view.camera)
        cotangents, state, log = guide(
            recipe, prior, own_rule, keys, particle, step, shown, view, predictor
        )
        log, gradient = scene.learn(seed, Seen(shown.latents, view, predictor), shared, log)
        particle = scene.settle(particle, gradient)
        counts = particle.failure.is_none & is_finite(cotangents)
        return (particle.failure, cotangents, state, log), gradient, counts

    guided, gradient = population.each_and_mean(one, seeds, particles, shown, views)
    failures, cotangents, states, log = guided
    after = lambda *own: descend(recipe, *own, step)  # noqa: E731
    particles = particles._replace(failure=failures)
    particles = population.each(after, particles, *pull(cotangents), states, log)
    return (particles, log), gradient
