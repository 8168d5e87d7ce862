"""Draw images from a prior by DDIM:
`python -m sdjax.sample --config=configs/sample.py --workdir=runs/sample`.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from sdjax.commands import app
from sdjax.config.errors import UserError, user_errors
from sdjax.config.fields import validate
from sdjax.config.loading import load_config
from sdjax.config.prior_checks import check_prompt, check_stable_diffusion
from sdjax.config.sampling_schema import SCHEMA
from sdjax.runs.machine import prepare_machine
from sdjax.runs.workdir import open_workdir


def sample(config: Any, workdir: str | Path, overrides: Mapping[str, Any] | None = None) -> Any:
    """Draw one sample per seed and write sheet.png, seed_<k>.png, views.npz and metrics.json.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the folder for them; refused if it holds anything of another configuration.
        overrides: fields of the configuration to replace, `{"camera.azimuths": (0, 90)}`.

    Returns:
        The `sdjax.reports.evaluation.Evaluation` of the samples.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the folder.
    """
    started = time.perf_counter()
    config = load_config(config, overrides or {})
    if "stages" in config:
        raise UserError("The configuration is one of sdjax.train, expected one of sdjax.sample.")
    validate(config, SCHEMA)
    _check(config)
    folder = open_workdir(workdir, config)
    prepare_machine()
    evaluation = _evaluate(config)
    _write(folder, evaluation)
    return _finish(folder, evaluation, {"wall_time": round(time.perf_counter() - started, 1)})


def _check(config: Any) -> None:
    """What can be found wrong before anything is written."""
    if config.prior.name == "embedded":
        check_prompt(config.prompt)
    else:
        check_stable_diffusion(config.prior)


def _evaluate(config: Any) -> Any:
    """Samples of all seeds, beside the objects of the prompt where the prior has any."""
    import jax.numpy as jnp

    from sdjax.reports.evaluation import describe
    from sdjax.runs.sampling import Sampling, sample_seeds

    cameras = _cameras(config)
    with user_errors():
        prior = _prior(config, cameras)
        conditioning = prior.condition(config.prompt)
    seeds = config.first_seed + jnp.arange(config.seeds, dtype=jnp.int32)
    sampling = Sampling(config.guidance_scale, config.steps, config.spacing, config.eta)
    size = config.resolution
    images = sample_seeds(prior, conditioning, cameras, seeds, size, sampling)
    is_embedded = config.prior.name == "embedded"
    judge = _beside_objects if is_embedded else lambda config, cameras, *rest: describe(*rest)
    evaluation = judge(config, cameras, images, seeds.tolist())
    return evaluation._replace(metrics={"prompt": config.prompt, **evaluation.metrics})


def _prior(config: Any, cameras: Any) -> Any:
    from sdjax.priors.embedded import build
    from sdjax.runs.build_prior import make_stable_diffusion, objects_for

    if config.prior.name == "stable_diffusion":
        return make_stable_diffusion(config.prior, config.resolution)
    data = objects_for(config.prompt, [config.guidance_scale])
    return build(data, cameras, config.resolution, data_std=config.prior.data_std)


def _beside_objects(config: Any, cameras: Any, images: Any, seeds: list[int]) -> Any:
    import numpy as np

    from sdjax.objects.prompts import find
    from sdjax.objects.render import render_views
    from sdjax.reports.evaluation import judge

    objects = find(config.prompt)
    truths = np.asarray(render_views(objects, cameras, config.resolution))
    return judge(images, truths, [obj.name for obj in objects], seeds)


def _cameras(config: Any) -> Any:
    import jax.numpy as jnp

    from sdjax.cameras import Camera

    camera, views = config.camera, len(config.camera.azimuths)
    same = (jnp.full(views, value) for value in (camera.elevation, camera.distance, camera.fovy))
    return Camera(jnp.asarray(camera.azimuths, jnp.float32), *same)


def _write(folder: Path, evaluation: Any) -> None:
    from sdjax.reports.pictures import image_grid, save_png
    from sdjax.runs.outputs import write_pictures

    write_pictures(folder, evaluation)
    for row, views in zip(evaluation.metrics["seeds"], evaluation.views, strict=True):
        save_png(folder / f"seed_{row['seed']}.png", image_grid(list(views), columns=len(views)))


def _finish(folder: Path, evaluation: Any, timing: dict[str, float]) -> Any:
    from sdjax.runs.outputs import finish

    return finish(folder, evaluation, timing)


def main() -> None:
    """The command."""
    sample(app.config_from_flags(), flags.FLAGS.workdir)


if __name__ == "__main__":
    app.define_config()
    flags.DEFINE_string("workdir", None, "the folder for the pictures", required=True)
    app.run(main)
