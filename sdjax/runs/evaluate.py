"""What a trained run is worth: its views from held-out cameras, beside the true objects if any."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sdjax.cameras import Camera, turntable
from sdjax.reports.evaluation import Evaluation, describe, judge
from sdjax.reports.metrics import nearest_object, psnr
from sdjax.runs.build import make_scene, picture_camera
from sdjax.runs.particle import middle
from sdjax.runs.population import Population
from sdjax.runs.run import Run
from sdjax.runs.sampling import Sampling, sample_seeds
from sdjax.runs.stages import highest_resolution
from sdjax.scene.reference_losses import resized


def evaluate(run: Run, particles: Population) -> Evaluation:
    """Look at every particle from `evaluation_cameras`, and compare it with every object of the
    prompt where the prior knows any."""
    cameras, resolution = evaluation_cameras(run), highest_resolution(run.config)
    views = render_particles(run, particles, cameras, resolution)
    seeds, prompt = run.seeds.tolist(), run.config.prompt
    truths = run.prior.truths(prompt, cameras, resolution)
    if truths is None:
        evaluation = describe(views, seeds)
    else:
        evaluation = judge(views, truths.views, list(truths.names), seeds)
    metrics = {"prompt": prompt, **evaluation.metrics, **beside_ddim(run, evaluation)}
    return evaluation._replace(metrics=beside_reference(run, particles, metrics))


def beside_reference(run: Run, particles: Population, metrics: dict[str, Any]) -> dict[str, Any]:
    """The metrics with how well each seed shows the prior's picture from its camera, in decibels;
    as they are where the prior has none."""
    reference = run.prior.reference
    if reference is None or is_image(run):
        return metrics
    size = run.stages[-1].reference_resolution
    seen = render_particles(run, particles, reference.camera, size)[:, 0]
    picture = np.asarray(resized(reference.image, size))
    decibels = [psnr(view, picture) for view in seen]
    rows = [
        {**row, "psnr_reference": round(found, 2)}
        for row, found in zip(metrics["seeds"], decibels, strict=True)
    ]
    mean, least = float(np.mean(decibels)), float(np.min(decibels))
    figures = {"psnr_reference_mean": round(mean, 2), "psnr_reference_min": round(least, 2)}
    return {**metrics, **figures, "seeds": rows}


def beside_ddim(run: Run, evaluation: Evaluation) -> dict[str, float]:
    """Of pictures: how they differ from what DDIM draws from each particle's own noise, as root
    mean square, and where the prior knows true objects how many are nearest to the same one."""
    scale = run.config.report.ddim_scale
    scale = run.config.rule.get("guidance_scale") if scale is None else scale
    if not is_image(run) or not isinstance(scale, int | float):
        return {}
    images = ddim_images(run, scale)
    squares = np.square(images - evaluation.views)
    rms = np.sqrt(squares.reshape(len(images), -1).mean(axis=1))
    metrics = {"rms_to_ddim": round(float(rms.mean()), 4)}
    if evaluation.nearest is not None:
        drawn = [nearest_object(image, evaluation.truths).index for image in images]
        metrics["agreement_with_ddim"] = round(float(np.mean(drawn == evaluation.nearest)), 3)
    return metrics


def is_image(run: Run) -> bool:
    """Whether the particles are images, or latents of images."""
    return scene(run).is_flat


def scene(run: Run) -> Any:
    """The scene of the last stage, which can show the particles of all stages."""
    return make_scene(run.config, run.prior, run.stages[-1])


def evaluation_cameras(run: Run) -> Camera:
    """Cameras that training does not use: around the object at heights spread over the range, at
    the middle of the other ranges.

    In 2D it is one camera, the prior's own where it has one.
    """
    if is_image(run):
        return picture_camera(run.config, run.prior)
    return held_out_cameras(run.config.camera, run.config.report.views)


def held_out_cameras(camera: Any, number: int) -> Camera:
    """`evaluation_cameras` in 3D: `number` of them for a config's table of cameras."""
    low, high = camera.elevation
    around = turntable(number, 0.0, *middle(camera))
    height = np.mod(np.arange(number) * 0.618034, 1.0)  # golden ratio: neighbours differ
    moved = np.asarray(around.azimuth) + 7.0, low + (high - low) * height
    azimuth, elevation = (jax.device_put(np.float32(column)) for column in moved)
    return around._replace(azimuth=azimuth, elevation=elevation)


def orbit(run: Run, number: int, elevation: float) -> Camera:
    """`number` cameras evenly around the object at the middle of the config's distances."""
    return turntable(number, elevation, *middle(run.config.camera))


def render_particles(
    run: Run, particles: Population, cameras: Camera, resolution: int
) -> Float[np.ndarray, "particles views h w 3"]:
    """Images of `resolution` pixels from cameras [views], without any randomness; latents are
    decoded to the prior's own size."""
    return renderer(run, resolution)(particles, cameras)


def renderer(run: Run, resolution: int) -> Callable[[Population, Camera], np.ndarray]:
    """`render_particles` as a function that compiles once for many calls."""
    show = _renderer(run, resolution)
    return lambda particles, cameras: run.placement.gathered(show(particles, cameras))


def render_own_particles(
    run: Run, particles: Population, cameras: Camera, resolution: int
) -> Float[np.ndarray, "own views h w 3"]:
    """`render_particles` of those on this process's devices (`Placement.own_indices`); all
    processes have to call it."""
    return run.placement.own(_renderer(run, resolution)(particles, cameras))


def _renderer(run: Run, resolution: int) -> Callable[[Population, Camera], jax.Array]:
    shown = scene(run)
    decoder = run.prior if shown.in_latent_space else ()
    show = run.mapped(functools.partial(_views, shown, resolution), 2)
    return lambda particles, cameras: show(decoder, cameras, particles.params)


def ddim_images(run: Run, guidance_scale: float) -> Float[np.ndarray, "particles 1 h w 3"]:
    """What DDIM draws from each particle's own noise in 2D, in 50 steps."""
    return sample_seeds(
        run.prior,
        run.conditioning,
        evaluation_cameras(run),
        run.seeds,
        highest_resolution(run.config),
        Sampling(guidance_scale),
        lambda function, shared: _on_hosts(run, run.mapped(function, shared)),
    )


def _on_hosts(run: Run, function: Callable) -> Callable:
    return lambda *arguments: run.placement.gathered(function(*arguments))


def _views(scene: Any, resolution: int, decoder: Any, cameras: Camera, params: Any) -> jax.Array:
    def view(camera):
        if scene.in_latent_space:
            latents = scene.render(params, camera, None, scene.height, scene.width).colour
            return decoder.decode(jnp.expand_dims(latents, 0))[0]
        return scene.render(params, camera, None, resolution, resolution).colour

    return jnp.clip(jax.lax.map(view, cameras), 0.0, 1.0)
