"""A run whose particles are only looked at: its scenes without its prior, whose weights, gigabytes,
may be gone."""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.runs.build import make_scene
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.loop import stage_at
from sdjax.runs.placement import local_placement
from sdjax.runs.population import Population
from sdjax.runs.run import Run
from sdjax.runs.run_folder import CHECKPOINTS, check_same_run
from sdjax.runs.stages import stages


def open_shown(config: ConfigDict) -> Run:
    """The run without its prior: films and meshes can be made of its scenes, but latents, which the
    prior decodes, not be shown."""
    seeds = config.first_seed + jnp.arange(config.seeds, dtype=jnp.int32)
    return Run(config, None, None, seeds, stages(config), local_placement(config.seeds))


def restore_shown(run: Run, checkpoints: Checkpoints) -> tuple[int, Population] | None:
    """The steps done and the particles of the newest checkpoint, of which only the params are
    there; None where there is none."""
    restored = checkpoints.restore_latest(lambda step: _shapes(run, step), "params")
    if restored is None:
        return None
    step, params = restored
    return step, Population(**{**dict.fromkeys(Population._fields), "params": params})


def newest_shown(config: ConfigDict, workdir: Path) -> tuple[Run, int, Population]:
    """The run in a folder, with the steps done and the particles of its newest checkpoint; raises a
    UserError where there is none."""
    nothing = UserError(f"--workdir={workdir} holds no checkpoint yet; train it first.")
    if not (workdir / CHECKPOINTS).is_dir():
        raise nothing
    run, check = open_shown(config), partial(check_same_run, config)
    with Checkpoints(workdir / CHECKPOINTS, check=check, read_only=True) as checkpoints:
        restored = restore_shown(run, checkpoints)
    if restored is None:
        raise nothing
    return run, *restored


def _shapes(run: Run, step: int) -> Any:
    """Of the params in a checkpoint after `step` steps."""
    scene = make_scene(run.config, None, stage_at(run, step))
    keys = jax.random.split(jax.random.key(0), len(run.seeds))
    return jax.eval_shape(jax.vmap(scene.init), keys)
