"""A small network that tells what a picture shows: noun, colour and side."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jaxtyping import Array, Float, Int, UInt8

from sdjax.cameras import DIRECTIONS
from sdjax.config.fields import whole
from sdjax.objects.prompts import CATEGORIES
from sdjax.objects.variants import COLOURS
from sdjax.prior_training.captions import Words

QUESTIONS = {
    "object": tuple(CATEGORIES),
    "colour": tuple(COLOURS),
    "view": DIRECTIONS,
}
Answers = dict[str, Int[np.ndarray, "pictures"]]  # an index into the names of each question
TRAINING = {
    "pictures": whole(at_least=1).of(32_768, "renderings that it learns from"),
    "steps": whole(at_least=1).of(4500, "of its training"),
    "batch": whole(at_least=1).of(64, "pictures of a step"),
}


class Classifier(nn.Module):
    """Four convolutions of stride 2, a hidden layer, and logits for each question."""

    @nn.compact
    def __call__(self, pictures: Float[Array, "b h w 3"]) -> dict[str, Float[Array, "b _"]]:
        """Of pictures in [0, 1], white where there is nothing."""
        x = 2.0 * (1.0 - pictures)
        for features in (32, 64, 96, 128):
            x = jax.nn.silu(nn.Conv(features, (3, 3), strides=(2, 2))(x))
        x = jax.nn.silu(nn.Dense(256)(x.reshape(len(x), -1)))
        return {name: nn.Dense(len(names))(x) for name, names in QUESTIONS.items()}


class Judge(NamedTuple):
    """A classifier with its parameters."""

    params: dict

    def answers(
        self, pictures: Float[np.ndarray, "n h w 3"] | UInt8[np.ndarray, "n h w 3"]
    ) -> Answers:
        """The likeliest answer to each question for each picture."""
        logits = [_logits(self.params, pictures[i : i + 256]) for i in range(0, len(pictures), 256)]
        return {
            name: np.concatenate([np.asarray(part[name]).argmax(-1) for part in logits])
            for name in QUESTIONS
        }


def labels(words: Sequence[Words]) -> Answers:
    """The right answers."""
    columns = {
        "object": [one.noun for one in words],
        "colour": [one.colour for one in words],
        "view": [one.direction for one in words],
    }
    return {
        name: np.array([QUESTIONS[name].index(said) for said in column])
        for name, column in columns.items()
    }


def train_classifier(
    pictures: UInt8[np.ndarray, "n h w 3"], right: Answers, steps: int, batch: int, seed: int
) -> Judge:
    """Cross entropy over all questions, AdamW with a cosine; pictures are softened and shifted by
    up to two pixels at random, so that drawings count as renderings do."""
    params = Classifier().init(jax.random.key(seed), _floats(pictures[:1]))["params"]
    optimizer = optax.adamw(optax.cosine_decay_schedule(1e-3, steps), weight_decay=1e-3)

    def loss(params, key, shown, wanted):
        logits = Classifier().apply({"params": params}, _disturbed(key, _floats(shown)))
        terms = [
            optax.softmax_cross_entropy_with_integer_labels(logits[name], wanted[name]).mean()
            for name in QUESTIONS
        ]
        return sum(terms)

    @jax.jit
    def step(params, moments, key, shown, wanted):
        gradient = jax.grad(loss)(params, key, shown, wanted)
        updates, moments = optimizer.update(gradient, moments, params)
        return optax.apply_updates(params, updates), moments

    moments, generator = optimizer.init(params), np.random.default_rng(seed)
    for index in range(steps):
        chosen = generator.integers(len(pictures), size=batch)
        wanted = {name: answers[chosen] for name, answers in right.items()}
        key = jax.random.fold_in(jax.random.key(seed), index)
        params, moments = step(params, moments, key, pictures[chosen], wanted)
    return Judge(params)


@jax.jit
def _logits(params, pictures):
    return Classifier().apply({"params": params}, _floats(pictures))


def _floats(pictures) -> jax.Array:
    pictures = jnp.asarray(pictures)
    return pictures / 255.0 if pictures.dtype == jnp.uint8 else pictures


def _disturbed(key: jax.Array, pictures: jax.Array) -> jax.Array:
    """A mixture with the picture blurred over 3 x 3 pixels, some noise, and a shift."""
    keys = jax.random.split(key, 3)
    mixture = jax.random.uniform(keys[0], (len(pictures), 1, 1, 1))
    blurred = nn.avg_pool(pictures, (3, 3), padding="SAME", count_include_pad=False)
    noisy = mixture * pictures + (1.0 - mixture) * blurred
    noisy = noisy + 0.03 * jax.random.normal(keys[1], pictures.shape)
    shifts = jax.random.randint(keys[2], (len(pictures), 2), -2, 3)
    return jax.vmap(lambda picture, shift: jnp.roll(picture, shift, (0, 1)))(noisy, shifts)
