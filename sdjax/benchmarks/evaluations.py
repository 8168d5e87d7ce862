"""How often a step asks the network: counted, with a network that returns zeros."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sdjax.benchmarks.runs import Opened, a_camera, a_view, some_latents, spread_steps
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.rules.contract import Rule
from sdjax.runs.step import step_keys


class Evaluations(NamedTuple):
    """Calls of the network, and pictures in their batches."""

    per_step: float
    pictures_per_step: float
    to_prepare: int  # once per particle and stage


def count_evaluations(opened: Opened, moments: int) -> Evaluations:
    """The mean over `moments` steps evenly spread over the stage, and what `Rule.prepare` asks.

    A prior that could do without a network, as the embedded one, is counted as a network.
    """
    rule, batches = opened.recipe.make_rule(opened.prior), []
    predictor = _counting(opened, batches)
    shape = opened.prior.latent_shape(opened.recipe.noise_resolution)
    prepare = jax.jit(lambda key: rule.prepare(rule.init(key, shape), lambda camera: predictor))
    state = jax.block_until_ready(prepare(jax.random.key(0)))
    jax.effects_barrier()
    to_prepare = len(batches)
    batches.clear()
    jax.block_until_ready(_updates(opened, rule, predictor)(state, spread_steps(opened, moments)))
    jax.effects_barrier()
    return Evaluations(len(batches) / moments, sum(batches) / moments, to_prepare)


def _counting(opened: Opened, batches: list[int]) -> NetworkPredictor:
    """A predictor that notes the batch of each evaluation at the time when it runs."""

    def predict_noise(x, t, embedding):
        jax.debug.callback(lambda: batches.append(len(x)))
        return jnp.zeros_like(x)

    real = opened.prior.predictor(opened.conditioning, a_camera(opened))
    prompt = jnp.zeros(opened.recipe.views)
    return NetworkPredictor(predict_noise, getattr(real, "branches", Branches(prompt, prompt)))


def _updates(opened: Opened, rule: Rule, predictor: NetworkPredictor) -> Callable[..., Any]:
    latents, view = some_latents(opened), a_view(opened, a_camera(opened))

    def update(state, step):
        progress = step / opened.recipe.total_steps
        key = step_keys(jnp.int32(0), step).rule
        result = rule.update(key, latents, state, predictor, progress=progress, view=view)
        return state, result.gradient.mean()

    return jax.jit(lambda state, steps: jax.lax.scan(update, state, steps)[1])
