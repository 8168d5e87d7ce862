"""What the judge learns: the answers to all questions, of disturbed pictures."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, UInt8

from sdjax.config.fields import whole
from sdjax.prior_training.classifier import QUESTIONS, Answers, Classifier, Judge
from sdjax.prior_training.disturbances import disturbed
from sdjax.prior_training.fitting import Params, fields_of_stage
from sdjax.prior_training.float_pictures import float_pictures

FIELDS = fields_of_stage(
    steps=6000,
    batch=64,
    learning_rate=1.5e-3,
    warmup=100,
    weight_decay=0.01,
    average=0.998,
    clip=1.0,
)
TRAINING = {
    "pictures": whole(at_least=1).of(32_768, "renderings that it learns from"),
    "steps": whole(at_least=1).of(4500, "of its training"),
    "batch": whole(at_least=1).of(64, "pictures of a step"),
}


def judge_loss(
    network: Classifier,
    params: Params,
    pictures: UInt8[Array, "b h w 3"],
    right: Mapping[str, Int[Array, "b"]],
    key: jax.Array,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The sum over the questions of the mean cross entropy, of `disturbed` pictures, and what is
    logged.

    A picture without an answer to a question (`NO_ANSWER`) counts as 0 there.  `params` has
    "judge".
    """
    shown = disturbed(key, float_pictures(pictures, network.resolution))
    logits = network.apply({"params": params["judge"]}, shown)
    terms = {name: _cross_entropy(logits[name], right[name]) for name in QUESTIONS}
    return sum(terms.values()), terms


def initial_judge(key: jax.Array, network: Classifier) -> Judge:
    """Flax's random parameters."""
    (shape,) = network.example_inputs()
    return Judge(network.init(key, jnp.zeros(shape.shape))["params"], network)


def train_classifier(
    pictures: UInt8[np.ndarray, "n h w 3"], right: Answers, steps: int, batch: int, seed: int
) -> Judge:
    """`judge_loss` by AdamW with a cosine, without checkpoints."""
    judge = initial_judge(jax.random.key(seed), Classifier())
    optimizer = optax.adamw(optax.cosine_decay_schedule(1e-3, steps), weight_decay=1e-3)

    @jax.jit
    def step(params, moments, key, shown, wanted):
        gradient, _ = jax.grad(judge_loss, 1, has_aux=True)(
            judge.network, params, shown, wanted, key
        )
        updates, moments = optimizer.update(gradient, moments, params)
        return optax.apply_updates(params, updates), moments

    params = {"judge": judge.params}
    moments, generator = optimizer.init(params), np.random.default_rng(seed)
    for index in range(steps):
        chosen = generator.integers(len(pictures), size=batch)
        wanted = {name: answers[chosen] for name, answers in right.items()}
        key = jax.random.fold_in(jax.random.key(seed), index)
        params, moments = step(params, moments, key, pictures[chosen], wanted)
    return judge._replace(params=params["judge"])


def _cross_entropy(logits: Float[Array, "b names"], right: Int[Array, "b"]) -> Float[Array, ""]:
    """The mean over the batch; 0 where there is no answer."""
    entropy = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.maximum(right, 0))
    return jnp.mean(jnp.where(right >= 0, entropy, 0.0))
