"""How well a prior draws what captions ask for, by a classifier that knows the renderings."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sdjax.cameras import DIRECTIONS, Camera
from sdjax.objects.variants import COLOURS
from sdjax.prior_training.captions import Words, caption
from sdjax.prior_training.classifier import NO_ANSWER, QUESTIONS, Answers, labels
from sdjax.priors.stable_diffusion import StableDiffusionPrior
from sdjax.runs.sampling import Sampling, sample_seed

Pictures = Float[np.ndarray, "pictures h w 3"]
TELLING = 0.95  # a noun's views count where the classifier gets so many of its renderings right
_AT_ONCE = 32


def asked_for(generator: np.random.Generator, nouns: Sequence[str], number: int) -> list[Words]:
    """`number` pictures to ask for: noun, colour and view drawn uniformly."""
    draw = lambda names: str(generator.choice(list(names)))  # noqa: E731
    return [Words(draw(nouns), draw(COLOURS), direction=draw(DIRECTIONS)) for _ in range(number)]


def draw_captions(
    prior: StableDiffusionPrior, captions: Sequence[str], seeds: Sequence[int], sampling: Sampling
) -> Pictures:
    """One DDIM sample per caption, as it stands, and seed; in [0, 1]."""
    plain = prior.replace(prompting=replace(prior.prompting, view_dependent=False, perp_neg=None))
    conditioned = [plain.condition(one) for one in captions]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *conditioned)
    return np.asarray(_draw(plain, stacked, jnp.asarray(seeds, jnp.int32), sampling))


@partial(jax.jit, static_argnames="sampling")
def _draw(prior, conditionings, seeds, sampling):
    anywhere = Camera(*(jnp.ones(1) for _ in range(4)))

    def one(pair):
        conditioning, seed = pair
        return sample_seed(prior, conditioning, anywhere, seed, prior.image_size, sampling)[0]

    return jax.lax.map(one, (conditionings, seeds), batch_size=_AT_ONCE)


def accuracies(answers: Answers, words: Sequence[Words]) -> dict[str, Any]:
    """The part of right answers to each question that has any, and to that for the view noun by
    noun."""
    right = labels(words)
    counts = {name: right[name] != NO_ANSWER for name in QUESTIONS}
    hits = {name: answers[name] == right[name] for name in QUESTIONS if counts[name].any()}
    nouns = np.array([one.noun for one in words])
    by_noun = {noun: float(hits["view"][nouns == noun].mean()) for noun in np.unique(nouns)}
    parts = {name: float(hit[counts[name]].mean()) for name, hit in hits.items()}
    return {**parts, "view_by_noun": by_noun}


def view_accuracy(drawn: dict[str, Any], real: dict[str, Any]) -> dict[str, Any]:
    """The mean over nouns drawn whose views can be told: `TELLING` of renderings at least."""
    parts = real["view_by_noun"].items()
    telling = [noun for noun, part in parts if part >= TELLING and noun in drawn["view_by_noun"]]
    if not telling:
        return {"nouns": []}
    drawn, real = (np.mean([one["view_by_noun"][n] for n in telling]) for one in (drawn, real))
    return {"nouns": telling, "drawn": float(drawn), "real": float(real)}


def spread(pictures: Pictures) -> float:
    """The root mean square difference of two pictures, over all pairs."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    pairs = len(flat) * (len(flat) - 1)
    squares = 2.0 * len(flat) * ((flat - flat.mean(0)) ** 2).sum() / pairs
    return float(np.sqrt(squares / flat.shape[1]))


def captions_of(words: Sequence[Words]) -> list[str]:
    """In the words of the training captions."""
    return [caption(one) for one in words]
