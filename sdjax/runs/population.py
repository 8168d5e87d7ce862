"""All particles of a run, and their training where a rule shares something between them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from sdjax.priors.prior import Prior
from sdjax.rules.shared import Everyone, SharedRule
from sdjax.runs.mapping import DevicePopulation
from sdjax.runs.particle import Particle, Recipe
from sdjax.runs.step import Log, StepKeys, current_latents, step_keys, train_step


class Population(NamedTuple):
    """A `Particle` with a leading axis of particles, and what they share."""

    params: Any
    optimizer_state: Any
    rule_state: Any
    shared: Any = None  # of a `SharedRule`; no leading axis

    @property
    def particles(self) -> Particle:
        """Without what they share."""
        return Particle(*self[:3])


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
    first_step: Int[Array, ""],
    shared: Any,
    seeds: Int[Array, "own"],
    particles: Particle,
) -> tuple[tuple[Particle, Log], Any]:
    """`steps` steps from `first_step` on of all particles and of what their rule shares.

    At each step all particles move, then what is shared moves along the mean of their gradients,
    which were taken before.  Returns the particles and their log [own, steps], and the shared.
    """
    rule = recipe.make_rule(prior)

    def body(carry, step):
        particles, shared = carry

        def keys_of(seed):
            return _step_keys(rule, first_seed, seed, step)

        def one(seed, particle):
            keys = keys_of(seed)
            particle, log, seen = train_step(
                recipe, prior, conditioning, own_rule, keys, particle, step
            )
            learned = rule.learn(
                keys.learning, seen.latents, shared, seen.predictor, view=seen.view
            )
            log = log._replace(losses={**log.losses, **learned.losses})
            return (particle, log), learned.gradient

        def look(seed, particle):
            return current_latents(recipe, prior, keys_of(seed), particle, step)

        everyone = None
        if rule.sees_everyone:
            latents = population.each(look, seeds, particles)
            everyone = Everyone(*population.gather((latents, population.weights)))
        own_rule = rule.rule(shared, everyone)
        (particles, log), gradient = population.each_and_mean(one, seeds, particles)
        return (particles, rule.apply(shared, gradient)), log

    (particles, shared), log = jax.lax.scan(
        body, (particles, shared), first_step + jnp.arange(steps)
    )
    log = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1), log)
    return (particles, log), shared


def _step_keys(
    rule: SharedRule, first_seed: Int[Array, ""], seed: Int[Array, ""], step: Int[Array, ""]
) -> StepKeys:
    """A particle's own; its cameras are those of all where particles see each other."""
    keys = step_keys(seed, step)
    if not rule.sees_everyone:
        return keys
    return keys._replace(camera=jax.random.fold_in(run_keys(first_seed).cameras, step))
