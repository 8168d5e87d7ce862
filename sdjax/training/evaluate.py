"""What a trained run is worth: its views from held-out cameras beside the true objects."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.cameras import Camera, turntable
from sdjax.diffusion.ddim import ddim_sample
from sdjax.diffusion.guided import Predictor
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.objects.prompts import find
from sdjax.objects.render import render_views
from sdjax.reports.metrics import diversity, modes_found, nearest_object, view_agreement
from sdjax.scene.image import Image
from sdjax.training import build
from sdjax.training.particle import Particle, particle_noise
from sdjax.training.run import Run


class Evaluation(NamedTuple):
    """Views of particles and objects from the same cameras, and what they say."""

    views: np.ndarray  # [particles, views, h, w, 3]
    truths: np.ndarray  # [objects, views, h, w, 3]
    names: tuple[str, ...]  # of the objects
    nearest: np.ndarray  # [particles], index into the objects
    metrics: dict[str, Any]


def evaluate(run: Run, particles: Particle) -> Evaluation:
    """Compare every particle with every object of the prompt, from `evaluation_cameras`."""
    cameras, resolution = evaluation_cameras(run), build.highest_resolution(run.config)
    objects = find(run.config.prompt)
    views = render_particles(run, particles, cameras, resolution)
    truths = np.asarray(render_views(objects, cameras, resolution))
    found = [nearest_object(particle, truths) for particle in views]
    names = tuple(obj.name for obj in objects)
    rows = [
        {
            "seed": int(seed),
            "object": names[one.index],
            "psnr": round(one.psnr, 2),
            "view_agreement": round(view_agreement(one), 3),
        }
        for seed, one in zip(run.seeds, found, strict=True)
    ]
    index = np.array([one.index for one in found])
    metrics = {
        "prompt": run.config.prompt,
        "views": len(cameras.azimuth),
        "objects": len(names),
        "modes_found": modes_found(index),
        "psnr_mean": round(float(np.mean([row["psnr"] for row in rows])), 2),
        "psnr_min": min(row["psnr"] for row in rows),
        "view_agreement_mean": round(float(np.mean([row["view_agreement"] for row in rows])), 3),
        "diversity": round(diversity(views), 4),
    }
    if isinstance(_scene(run), Image):
        same = ddim_objects(run, truths) == index
        metrics["agreement_with_ddim"] = round(float(np.mean(same)), 3)
    return Evaluation(views, truths, names, index, {**metrics, "seeds": rows})


def evaluation_cameras(run: Run) -> Camera:
    """Cameras that training does not use: around the object at heights spread over the range.

    In 2D it is the camera of the image.
    """
    if isinstance(_scene(run), Image):
        return jax.tree.map(lambda leaf: leaf[:1], run.prior.cameras)
    camera, number = run.config.camera, run.config.report.views
    low, high = camera.elevation
    around = turntable(number, 0.0, camera.distance, camera.fovy)
    height = jnp.mod(jnp.arange(number) * 0.618034, 1.0)  # golden ratio: neighbours differ
    return around._replace(azimuth=around.azimuth + 7.0, elevation=low + (high - low) * height)


def render_particles(
    run: Run, particles: Particle, cameras: Camera, resolution: int
) -> np.ndarray:
    """Images [particles, views, resolution, resolution, 3], without any randomness."""
    show = run.mapped(functools.partial(_views, _scene(run), resolution), 1)
    return np.asarray(show(cameras, particles.params))


def _views(scene: Any, resolution: int, cameras: Camera, params: Any) -> jax.Array:
    def view(camera):
        return scene.render(params, camera, None, resolution, resolution).colour

    return jnp.clip(jax.lax.map(view, cameras), 0.0, 1.0)


def ddim_objects(run: Run, truths: np.ndarray, steps: int = 50) -> np.ndarray:
    """The object [particles] that DDIM draws from each particle's own noise in 2D."""
    camera = evaluation_cameras(run)
    scale, resolution = run.config.rule.guidance_scale, build.highest_resolution(run.config)

    def sample(prior, conditioning, seed):
        noise = particle_noise(seed, prior.latent_shape(resolution))
        predictor = prior.predictor(conditioning, camera)
        latents = draw(predictor, prior.schedule, jnp.expand_dims(noise, 0), steps, scale)
        return prior.decode(latents)

    images = run.mapped(sample, 2)(run.prior, run.conditioning, run.seeds)
    return np.array([nearest_object(image, truths).index for image in np.asarray(images)])


def draw(
    predictor: Predictor, schedule: NoiseSchedule, noise: jax.Array, steps: int, scale: float
) -> jax.Array:
    """`ddim_sample` in the smallest space that the prior knows."""
    reduced, (start,), expand = predictor.subspace(noise)
    return expand(ddim_sample(lambda x, t: reduced(x, t, scale), schedule, start, steps))


def _scene(run: Run) -> Any:
    return build.make_scene(run.config, run.stages[-1])
