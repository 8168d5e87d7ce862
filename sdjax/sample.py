"""Draw images from a prior by DDIM: `sdjax sample --config=sample --workdir=runs/sample`."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import FrozenConfigDict

from sdjax.cameras import Camera
from sdjax.commands import app
from sdjax.config.errors import UserError
from sdjax.config.kinds import made
from sdjax.config.loading import Overrides, as_stored, load, read
from sdjax.config.tables import resolve
from sdjax.priors import PRIORS
from sdjax.priors.kind import Wanted
from sdjax.priors.prior import Prior
from sdjax.reports.evaluation import Evaluation, describe, judge
from sdjax.reports.pictures import image_grid, save_png
from sdjax.runs.combinations import check_seeds
from sdjax.runs.lock import only_run
from sdjax.runs.memory import check_memory, needs_of_samples
from sdjax.runs.outputs import finish, write_pictures
from sdjax.runs.placement import make_placement, usable_devices
from sdjax.runs.processes import (
    all_do,
    check_processes,
    first_does,
    join_processes,
    prepare_machine,
)
from sdjax.runs.sampling import SCHEMA, Sampling, over_devices, sample_seeds, view_cameras
from sdjax.runs.workdir import make_folder, open_workdir, workdir_of

MAY_DIFFER = ("run",)  # between two runs in one folder


def sample(config: Any, workdir: str | Path, overrides: Overrides = ()) -> Evaluation:
    """Draw one sample per seed and write sheet.png, seed_<k>.png, views.npz and metrics.json.

    Args:
        config: a path or a name of the package's, a module with `get_config()`, a ConfigDict or a
            dict; what it leaves out has its default.
        workdir: the folder for them; refused if it holds anything of another configuration.
        overrides: fields of the configuration to replace, `{"camera.azimuths": (0, 90)}`.

    Returns:
        The evaluation of the samples.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the folder.
    """
    started = time.perf_counter()
    config = load_config(config, overrides)
    PRIORS[config.prior.name].check(config.prior, config.prompt)
    check_seeds(config)
    _check_views(config)
    check_processes(config.run)
    prepare_machine()
    join_processes(config.run)
    devices = all_do(lambda: _checked_devices(config))
    folder, former = workdir_of(workdir), as_stored(load_config)
    with ExitStack() as lock:
        first_does(lambda: lock.enter_context(only_run(make_folder(folder))))
        first_does(lambda: open_workdir(folder, config, MAY_DIFFER, former))
        evaluation = _evaluate(config, devices)
        first_does(lambda: _write(folder, evaluation))
        return finish(folder, evaluation, {"wall_time": round(time.perf_counter() - started, 1)})


def load_config(source: Any, overrides: Overrides = ()) -> FrozenConfigDict:
    """A complete configuration of this command; see `sdjax.config.loading.load`."""
    table = read(source)
    if "stages" in table:
        raise UserError("The configuration is one of sdjax.train, expected one of sdjax.sample.")
    return load(table, overrides, SCHEMA)


def _checked_devices(config: Any) -> int:
    """How many to use; raises a UserError where there are fewer, or too little memory."""
    wanted = config.run.devices
    is_usual = wanted == SCHEMA["run"]["devices"].default
    devices = usable_devices(config.seeds, 0 if is_usual and jax.process_count() > 1 else wanted)
    check_memory(needs_of_samples(config), seeds=config.seeds)
    return devices


def _write(folder: Path, evaluation: Evaluation) -> None:
    write_pictures(folder, evaluation)
    for row, views in zip(evaluation.metrics["seeds"], evaluation.views, strict=True):
        save_png(folder / f"seed_{row['seed']}.png", image_grid(list(views), columns=len(views)))


def _prior(config: Any, cameras: Camera) -> tuple[Prior, Any]:
    """The prior and what it is told."""
    unconditional = config.guidance_scale != 1.0
    wanted = Wanted(config.prompt, config.resolution, cameras, unconditional=unconditional)
    prior = made(PRIORS, config.prior, wanted=wanted)
    return prior, prior.condition(config.prompt)


def _evaluate(config: Any, devices: int) -> Evaluation:
    """Samples of all seeds, beside the objects of the prompt where the prior knows any."""
    cameras, size = view_cameras(config.camera), config.resolution
    prior, conditioning = all_do(lambda: _prior(config, cameras))
    seeds = config.first_seed + jnp.arange(config.seeds, dtype=jnp.int32)
    sampling = Sampling(**{name: config[name] for name in Sampling._fields})
    mapped = over_devices(make_placement(config.seeds, devices))
    images = sample_seeds(prior, conditioning, cameras, seeds, size, sampling, mapped)
    _check_finite(images, seeds.tolist())
    truths = prior.truths(config.prompt, cameras, size)
    if truths is None:
        evaluation = describe(images, seeds.tolist())
    else:
        evaluation = judge(images, truths.views, list(truths.names), seeds.tolist())
    return evaluation._replace(metrics={"prompt": config.prompt, **evaluation.metrics})


def _check_views(config: Any) -> None:
    """Raises a UserError for views that are no whole rigs of what the prior draws together."""
    together = config.prior.get("views_together", 1)
    turn, azimuths = 360.0 / together, np.array(config.camera.azimuths)
    whole = len(azimuths) % together == 0
    if not whole or not np.allclose(np.diff(azimuths.reshape(-1, together)) % 360.0, turn):
        raise UserError(
            f"config.camera.azimuths is {config.camera.azimuths}, expected {together} or a "
            f"multiple, each {turn:g} degrees from the one before: the prior draws {together} "
            f"views together; the nearest is {tuple(float(turn * k) for k in range(together))}."
        )


def _check_finite(images: np.ndarray, seeds: list[int]) -> None:
    bad = [seed for seed, views in zip(seeds, images, strict=True) if not np.isfinite(views).all()]
    if bad:
        named = f"seed{'s' if bad[1:] else ''} {', '.join(map(str, bad[:8]))}"
        raise UserError(
            f"The pictures of {named}{' and others' if bad[8:] else ''} are infinite or NaN, so "
            "nothing was written; config.prior.dtype=float32 or a smaller config.guidance_scale "
            "may help."
        )


COMMAND = app.Command(
    "sample",
    __doc__,
    main=lambda values: sample(values.config, values.workdir, values.config_field),
    define=lambda: app.define_workdir("the folder for the pictures"),
    load=load_config,
    fields=lambda config: dict(resolve(SCHEMA, config)),
)
if __name__ == "__main__":
    app.run(COMMAND)
