"""Training a judge: a classifier that tells what pictures of the package's objects show."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.config.errors import UserError
from sdjax.config.fields import several, text, whole
from sdjax.config.kinds import Choice, kinds
from sdjax.prior_training import judge_stage
from sdjax.prior_training.build import HELD_OUT, make_plan, renderings_of
from sdjax.prior_training.build import PICTURES as LEARNED
from sdjax.prior_training.classifier import Answers, Classifier, Judge, labels
from sdjax.prior_training.held_out import REPORT, held_out
from sdjax.prior_training.judge_files import is_judge, read_judge, write_judge
from sdjax.prior_training.judge_report import figures
from sdjax.prior_training.kind import Kind, Tell, Training
from sdjax.prior_training.place import Place, fitted
from sdjax.prior_training.scenes import take_pictures
from sdjax.prior_training.sources import OBJECTS, pictures_with_words
from sdjax.prior_training.stable_diffusion import PICTURES, Alternative
from sdjax.weights.shipped import JUDGE

Examples = Callable[[np.random.Generator, int], tuple[np.ndarray, Answers]]
_STAGE = 5  # second number of the generators' seeds
_SQUARE = 16  # pixels that become one place of the last level
NETWORK = {
    "channels": several(whole(at_least=1)).of((64, 96, 128), "of the three levels"),
    "hidden": whole(at_least=1).of(240, "features of the hidden layer"),
}
OF_CHECKPOINT = {"weights": text().of(JUDGE, "a judge's folder")}
MODELS = kinds(Alternative("new", NETWORK), Alternative("checkpoint", OF_CHECKPOINT))
FIELDS = {
    "data": {**OBJECTS, "pictures": PICTURES},
    "model": Choice(MODELS, "new", "where training begins"),
    "judge": judge_stage.FIELDS,
    "report": REPORT,
}


def begin(config: Any, folder: Path, tell: Tell) -> Training:
    """One stage, on renderings that are disturbed anew in each step."""
    written = folder / "model"
    done = is_judge(written)
    return Training(
        model=read_judge(written) if done else _start(config),
        is_done=done,
        stages={"judge": lambda judge, place: train_judge(config, judge, place, tell)},
        write=write_judge,
        judge=lambda judge, folder: _judge(config, judge),
    )


def train_judge(config: Any, judge: Judge, place: Place, tell: Tell) -> Judge:
    """The judge with the average of the parameters over the last steps."""
    examples = _examples(config, tell)
    plan = make_plan(config, config.judge)

    def batches(generator: np.random.Generator) -> tuple[np.ndarray, Answers]:
        return examples(generator, plan.batch)

    loss, seed = partial(judge_stage.judge_loss, judge.network), (config.seed, _STAGE)
    start = {"judge": judge.params}
    params = fitted("judge", loss, start, batches, plan, seed, place)["judge"]
    return judge._replace(params=jax.tree.map(jnp.asarray, params))


def _start(config: Any) -> Judge:
    if config.model.name == "checkpoint":
        return read_judge(config.model.weights)
    network = Classifier(config.model.channels, config.model.hidden, config.resolution)
    return judge_stage.initial_judge(jax.random.key(config.seed), network)


def _examples(config: Any, tell: Tell) -> Examples:
    """Renderings and what is right of them: some of those made now, or new ones."""
    renderings, total = renderings_of(config.data, config.resolution), config.data.pictures

    def fresh(generator: np.random.Generator, size: int) -> tuple[np.ndarray, Answers]:
        scenes = renderings.scenes(generator, size)
        return take_pictures(scenes, config.resolution), labels(scenes.words)

    if not total:
        return fresh
    told = lambda done: tell("rendering", done, total)  # noqa: E731
    pictures, words = pictures_with_words(renderings, total, (config.seed, LEARNED), told)
    right = labels(words)

    def some(generator: np.random.Generator, size: int) -> tuple[np.ndarray, Answers]:
        chosen = generator.integers(total, size=size)
        return pictures[chosen], {name: answers[chosen] for name, answers in right.items()}

    return some


def _judge(config: Any, judge: Judge) -> dict[str, Any]:
    """The number of parameters, and how often it is right."""
    report = config.report
    renderings = renderings_of(config.data, config.resolution)
    seen = held_out(renderings, report.held_out, (config.seed, HELD_OUT), report.margin)
    size = sum(leaf.size for leaf in jax.tree.leaves(judge.params))
    return {"parameters": size, **figures(judge, seen, config.seed)}


def _check(config: Any) -> None:
    if config.resolution % _SQUARE:
        raise UserError(
            f"config.resolution is {config.resolution}, expected a multiple of {_SQUARE} for a "
            "judge."
        )
    if config.model.name == "new" and len(config.model.channels) != 3:
        raise UserError(
            f"config.model.channels is {config.model.channels}, expected three numbers, one for "
            "each level."
        )
    if config.model.name == "checkpoint":
        resolution = read_judge(config.model.weights).network.resolution
        if resolution != config.resolution:
            raise UserError(
                f"config.resolution is {config.resolution}, expected {resolution}, which the judge "
                f"'{config.model.weights}' was trained on."
            )


KIND = Kind("judge", FIELDS, begin, _check)
