"""The figures of `sdjax.judge_prior`, one after the other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from sdjax.objects.variants import COLOURS
from sdjax.prior_training.build import renderings_of
from sdjax.prior_training.captions import Words
from sdjax.prior_training.classifier import Judge, labels
from sdjax.prior_training.judge_files import read_judge
from sdjax.prior_training.judge_stage import train_classifier
from sdjax.prior_training.judging import (
    accuracies,
    asked_for,
    captions_of,
    draw_captions,
    spread,
    view_accuracy,
)
from sdjax.prior_training.sources import pictures_with_words
from sdjax.priors.stable_diffusion import StableDiffusionPrior
from sdjax.reports.pictures import contact_sheet, save_png
from sdjax.runs.sampling import Sampling

_TRAINING, _HELD_OUT, _ASKED, _ALIKE = range(10, 14)  # second number of the generators' seeds
_MANY = 4096  # renderings, among which those of one noun, colour and view are found


Render = Callable[..., tuple[np.ndarray, list[Words]]]  # (number, purpose, margin)


def make_renderer(config: ConfigDict, resolution: int) -> Render:
    """uint8 renderings [number, h, w, 3] with their words, as `config.objects` describes them."""
    renderings = renderings_of(config.objects, resolution)

    def render(number: int, purpose: int, margin: float = 0.0) -> tuple[np.ndarray, list[Words]]:
        framed = renderings._replace(framing=renderings.framing._replace(margin=margin))
        return pictures_with_words(framed, number, (config.seed, purpose), None)

    return render


def make_judge(config: ConfigDict, render: Render) -> Judge:
    """The classifier that is named, or one that is trained on renderings now."""
    table = config.classifier
    if table.weights is not None:
        return read_judge(table.weights)
    pictures, words = render(table.pictures, _TRAINING)
    return train_classifier(pictures, labels(words), table.steps, table.batch, config.seed)


def measure(
    config: ConfigDict, prior: StableDiffusionPrior, judge: Judge, render: Render, folder: Path
) -> dict[str, Any]:
    """All figures; `drawn.png` shows some of the pictures under their captions."""
    generator = np.random.default_rng([config.seed, _ASKED])
    sampling = Sampling(config.guidance_scale, config.steps)
    words = asked_for(generator, config.objects.nouns, config.captions)
    captions = captions_of(words)
    drawn = draw_captions(prior, captions, range(len(captions)), sampling)
    _show(folder / "drawn.png", drawn, captions)
    real, real_words = render(config.held_out, _HELD_OUT, config.margin)
    decoded = _through(prior, real)
    figures = {
        "drawn": accuracies(judge.answers(drawn), words),
        "real": accuracies(judge.answers(real), real_words),
        "decoded": accuracies(judge.answers(decoded), real_words),
    }
    errors = np.mean((decoded - real / 255.0) ** 2, axis=(1, 2, 3))
    return {
        **figures,
        "view": view_accuracy(figures["drawn"], figures["real"]),
        "autoencoder_psnr": float(np.mean(-10.0 * np.log10(errors))),
        "spread_over_seeds": _spreads(config, prior, render, sampling),
    }


def _spreads(config, prior, render, sampling) -> dict[str, float]:
    """Of pictures with the same noun, colour and view: drawn by many seeds, and rendered."""
    generator = np.random.default_rng([config.seed, _ASKED, 1])
    asked = [
        Words(noun, str(generator.choice(list(COLOURS))), direction="front")
        for noun in config.objects.nouns
    ]
    seeds = config.seeds
    repeated = [one for one in asked for _ in range(seeds)]
    drawn = draw_captions(prior, captions_of(repeated), [*range(seeds)] * len(asked), sampling)
    groups = drawn.reshape(len(asked), seeds, *drawn.shape[1:])
    real, words = render(_MANY, _ALIKE)
    alike = [_matching(real, words, one)[:seeds] for one in asked]
    rendered = [spread(group / 255.0) for group in alike if len(group) > 1]
    return {"drawn": float(np.mean([spread(g) for g in groups])), "real": float(np.mean(rendered))}


def _matching(pictures: np.ndarray, words: list[Words], wanted: Words) -> np.ndarray:
    asked = wanted.noun, wanted.colour, wanted.direction
    return pictures[[(one.noun, one.colour, one.direction) == asked for one in words]]


def _through(prior: StableDiffusionPrior, pictures: np.ndarray) -> np.ndarray:
    """The pictures encoded and decoded, in [0, 1]."""

    @jax.jit
    def through(prior, pictures):
        again = lambda picture: prior.decode(prior.encode(picture[None] / 255.0))[0]  # noqa: E731
        return jax.lax.map(again, jnp.asarray(pictures, jnp.float32), batch_size=32)

    return np.asarray(through(prior, pictures))


def _show(file: Path, pictures: np.ndarray, captions: list[str], rows: int = 8, columns: int = 6):
    number = min(len(pictures), rows * columns) // columns * columns
    starts = range(0, number, columns)
    shown = [list(pictures[i : i + columns]) for i in starts]
    save_png(
        file, contact_sheet(shown, ["\n".join(captions[i : i + columns]) for i in starts], scale=2)
    )
