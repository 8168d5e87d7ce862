"""Measure whether views that a prior draws together show one object, from its sides:
`sdjax judge_views --config=judge_views --workdir=runs/judge_views`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import FrozenConfigDict

from sdjax.cameras import Camera
from sdjax.commands import app
from sdjax.config.fields import number, text, whole
from sdjax.config.kinds import Choice, made
from sdjax.config.loading import Overrides, as_stored, load
from sdjax.config.tables import resolve
from sdjax.evaluation import asked, truths
from sdjax.evaluation.asked import Asked, asked_by
from sdjax.evaluation.judging import Judge, Row, Shown, telling, tells_directions
from sdjax.evaluation.scenes import means_of, scene_rows
from sdjax.files.whole_files import write_json
from sdjax.prior_training.judge_files import read_judge
from sdjax.prior_training.memory import needs_of_scenes
from sdjax.priors import PRIORS
from sdjax.priors.kind import Wanted
from sdjax.priors.prior import Prior
from sdjax.reports.pictures import contact_sheet, save_png
from sdjax.rigs import rig
from sdjax.runs.memory import check_memory
from sdjax.runs.processes import prepare_machine
from sdjax.runs.sampling import DDIM, Sampling, sample_seeds
from sdjax.runs.workdir import open_workdir

_TOGETHER = {"mvdream": PRIORS["mvdream"]}
_TRUE = 2**17  # of generators' seeds, away from those of training
SCHEMA = {
    "prior": Choice(_TOGETHER, "mvdream", "that draws four views together"),
    **asked.FIELDS,
    "seeds": whole(at_least=1).of(4, "of each prompt, four views each"),
    "azimuth": number().of(0.0, "of the first view, degrees"),
    "elevation": number(at_least=-90, at_most=90).of(15.0, "of all views, degrees"),
    "guidance_scale": DDIM["guidance_scale"].of(3.0),
    "steps": DDIM["steps"].of(25),
    "judge": text().of("sdjax-small-judge", "who looks at the views: a folder, or the package's"),
    "bank": truths.FIELDS,
}


class _Judged(NamedTuple):
    """A prompt: the rows of what was drawn, of as many true objects, and the pictures."""

    asked: Asked
    drawn: list[Row]
    true: list[Row]
    pictures: np.ndarray


def judge_views(config: Any, workdir: str | Path, overrides: Overrides = ()) -> dict[str, Any]:
    """Draw four views of what is asked for, and see by a judge and beside true renderings whether
    they are one object's, in the right order.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the folder for `drawn.png` and `metrics.json`.
        overrides: fields of the configuration to replace, `{"guidance_scale": 7.5}`.

    Returns:
        What `metrics.json` holds: of "drawn" and "true" scenes the means of
        `sdjax.evaluation.scenes`, over all and noun by noun, and those of every prompt.

    Raises:
        UserError: one sentence about what was wrong in the configuration, the judge or the weights.
    """
    config = load_config(config, overrides)
    PRIORS[config.prior.name].check(config.prior, "")
    prepare_machine()
    check_memory(needs_of_scenes(config))
    folder = open_workdir(workdir, config, former=as_stored(load_config))
    judge = read_judge(config.judge)
    prior = made(PRIORS, config.prior, wanted=Wanted("", resolution=None, looking=None))
    found = [_judged(config, prior, judge, one) for one in asked_by(config)]
    metrics = _metrics(found)
    write_json(folder / "metrics.json", metrics)
    save_png(folder / "drawn.png", _sheet(found))
    print(_summary(metrics), f"Look at {folder / 'drawn.png'}.", sep="\n", flush=True)
    return metrics


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete configuration of this command; see `sdjax.config.loading.load`."""
    return load(source, overrides, SCHEMA)


def _judged(config: Any, prior: Prior, judge: Judge, one: Asked) -> _Judged:
    cameras, size = _cameras(config, prior), prior.image_size
    seeds = jnp.arange(config.seeds, dtype=jnp.int32)
    sampling = Sampling(config.guidance_scale, config.steps)
    images = sample_seeds(prior, prior.condition(one.prompt), cameras, seeds, size, sampling)
    pictures = np.round(255.0 * np.clip(images, 0.0, 1.0)).astype(np.uint8)
    bank = truths.bank_of(one, config.bank, _TRUE)
    shown = Shown(pictures, cameras, bank.seen(cameras, size), bank.objects)
    true = truths.drawn(one, config.seeds, config.bank, _TRUE).seen(cameras, size)
    tells = tells_directions(telling(judge, shown))
    rows = [
        scene_rows(judge, one, shown._replace(pictures=views), tells) for views in (pictures, true)
    ]
    return _Judged(one, *rows, pictures)


def _cameras(config: Any, prior: Prior) -> Camera:
    """At the distance and with the lens of the true renderings; the network is told neither."""
    numbers = (config.azimuth, config.elevation, 3.2, 40.0)
    first = Camera(*(jnp.asarray(value, jnp.float32) for value in numbers))
    return jax.tree.map(np.asarray, rig(first, prior.views_together))


def _metrics(found: Sequence[_Judged]) -> dict[str, Any]:
    nouns = dict.fromkeys(one.asked.noun for one in found)
    return {
        "all": _means(found),
        "nouns": {noun: _means([one for one in found if one.asked.noun == noun]) for noun in nouns},
        "prompts": {one.asked.prompt: _means([one]) for one in found},
    }


def _means(some: Sequence[_Judged]) -> dict[str, Any]:
    drawn = [row for one in some for row in one.drawn]
    return {"drawn": means_of(drawn), "true": means_of([row for one in some for row in one.true])}


def _sheet(found: Sequence[_Judged]) -> np.ndarray:
    rows = [list(one.pictures.reshape(-1, *one.pictures.shape[2:])) for one in found]
    return contact_sheet(rows, [one.asked.prompt for one in found])


def _summary(metrics: dict[str, Any]) -> str:
    drawn, true = metrics["all"]["drawn"], metrics["all"]["true"]
    parts = [
        f"{name} {drawn[name]['mean']:.1%} (true renderings {true[name]['mean']:.1%})"
        for name in ("named", "ordered", "one_object")
        if drawn[name] and true[name]
    ]
    return f"Scenes: {', '.join(parts)}."


COMMAND = app.Command(
    "judge_views",
    __doc__,
    main=lambda values: judge_views(values.config, values.workdir, values.config_field),
    define=lambda: app.define_workdir("the folder for the figures"),
    load=load_config,
    fields=lambda config: dict(resolve(SCHEMA, config)),
)
if __name__ == "__main__":
    app.run(COMMAND)
