"""What a trained run is worth: its views from held-out cameras beside the true objects."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sdjax.cameras import Camera, turntable
from sdjax.objects.prompts import find
from sdjax.objects.render import render_views
from sdjax.reports.evaluation import Evaluation, judge
from sdjax.reports.metrics import nearest_object
from sdjax.scene.image import Image
from sdjax.training import build
from sdjax.training.particle import Particle
from sdjax.training.run import Run
from sdjax.training.sampling import Sampling, sample_seeds


def evaluate(run: Run, particles: Particle) -> Evaluation:
    """Compare every particle with every object of the prompt, from `evaluation_cameras`."""
    cameras, resolution = evaluation_cameras(run), build.highest_resolution(run.config)
    objects = find(run.config.prompt)
    views = render_particles(run, particles, cameras, resolution)
    truths = np.asarray(render_views(objects, cameras, resolution))
    names = [obj.name for obj in objects]
    evaluation = judge(views, truths, names, run.seeds.tolist())
    metrics = {"prompt": run.config.prompt, **evaluation.metrics}
    if is_image(run):
        same = ddim_objects(run, truths) == evaluation.nearest
        metrics["agreement_with_ddim"] = round(float(np.mean(same)), 3)
    return evaluation._replace(metrics=metrics)


def is_image(run: Run) -> bool:
    """Whether the particles are images."""
    return isinstance(scene(run), Image)


def scene(run: Run) -> Any:
    """The scene of the last stage, which can show the particles of all stages."""
    return build.make_scene(run.config, run.stages[-1])


def evaluation_cameras(run: Run) -> Camera:
    """Cameras that training does not use: around the object at heights spread over the range.

    In 2D it is the camera of the image.
    """
    if is_image(run):
        return jax.tree.map(lambda leaf: leaf[:1], run.prior.cameras)
    camera, number = run.config.camera, run.config.report.views
    low, high = camera.elevation
    around = turntable(number, 0.0, camera.distance, camera.fovy)
    height = jnp.mod(jnp.arange(number) * 0.618034, 1.0)  # golden ratio: neighbours differ
    return around._replace(azimuth=around.azimuth + 7.0, elevation=low + (high - low) * height)


def render_particles(
    run: Run, particles: Particle, cameras: Camera, resolution: int
) -> Float[np.ndarray, "particles views h w 3"]:
    """Images of `resolution` pixels from cameras [views], without any randomness."""
    return renderer(run, resolution)(particles, cameras)


def renderer(run: Run, resolution: int) -> Callable[[Particle, Camera], np.ndarray]:
    """`render_particles` as a function that compiles once for many calls."""
    show = run.mapped(functools.partial(_views, scene(run), resolution), 1)
    return lambda particles, cameras: np.asarray(show(cameras, particles.params))


def ddim_objects(run: Run, truths: np.ndarray) -> np.ndarray:
    """The object [particles] that DDIM draws from each particle's own noise in 2D."""
    images = sample_seeds(
        run.prior,
        run.conditioning,
        evaluation_cameras(run),
        run.seeds,
        build.highest_resolution(run.config),
        Sampling(run.config.rule.guidance_scale),
    )
    return np.array([nearest_object(image, truths).index for image in images])


def _views(scene: Any, resolution: int, cameras: Camera, params: Any) -> jax.Array:
    def view(camera):
        return scene.render(params, camera, None, resolution, resolution).colour

    return jnp.clip(jax.lax.map(view, cameras), 0.0, 1.0)
