"""What a finished run leaves in its folder: contact sheet, turntables, meshes, metrics.json."""

import json
from pathlib import Path

import jax
import numpy as np

from sdjax.cameras import turntable
from sdjax.reports.pictures import contact_sheet, save_png
from sdjax.reports.turntable import write_turntable
from sdjax.scene.image import Image
from sdjax.scene.mesh import extract_mesh, save_mesh
from sdjax.training import build
from sdjax.training.evaluate import Evaluation, evaluate, render_particles
from sdjax.training.particle import Particle
from sdjax.training.run import Run

SHOWN_VIEWS = 4  # per particle on a contact sheet


def write_outputs(run: Run, particles: Particle, folder: Path, timing: dict) -> Evaluation:
    """Evaluate the particles and write everything; `timing` is added to the metrics."""
    evaluation = evaluate(run, particles)
    metrics = {**evaluation.metrics, **timing}
    save_png(folder / "sheet.png", sheet(run, evaluation))
    if not is_image(run):
        write_turntables(run, particles, folder)
        metrics["meshes"] = write_meshes(run, particles, folder)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    return evaluation._replace(metrics=metrics)


def is_image(run: Run) -> bool:
    """Whether the particles are images."""
    return isinstance(build.make_scene(run.config, run.stages[-1]), Image)


def sheet(run: Run, evaluation: Evaluation) -> np.ndarray:
    """Images: all particles under the true objects.  Objects: a row per seed, some views of the
    particle and, right of them, the nearest true object from the same cameras."""
    if is_image(run):
        return image_sheet(run, evaluation)
    views = np.linspace(0, evaluation.views.shape[1], SHOWN_VIEWS, endpoint=False).astype(int)
    rows = [
        [*particle[views], *evaluation.truths[nearest][views]]
        for particle, nearest in zip(evaluation.views, evaluation.nearest, strict=True)
    ]
    labels = [f"seed {row['seed']}\n{row['psnr']:.1f} dB" for row in evaluation.metrics["seeds"]]
    columns = ["particle"] + [""] * (SHOWN_VIEWS - 1)
    columns += ["nearest true object"] + [""] * (SHOWN_VIEWS - 1)
    return contact_sheet(rows, labels, columns, scale=2)


def image_sheet(run: Run, evaluation: Evaluation, columns: int = 8) -> np.ndarray:
    """The true objects in the first row, then the particles in the order of their seeds."""
    white = np.ones_like(evaluation.views[0, 0])
    images = list(evaluation.views[:, 0])
    images += [white] * (-len(images) % columns)
    truths = list(evaluation.truths[:columns, 0])
    truths += [white] * (columns - len(truths))
    rows = [truths, *(images[i : i + columns] for i in range(0, len(images), columns))]
    first = int(run.seeds[0])
    labels = ["true objects"] + [f"seed {first + columns * i}..." for i in range(len(rows) - 1)]
    return contact_sheet(rows, labels)


def write_turntables(run: Run, particles: Particle, folder: Path) -> None:
    """`seed_<k>/turntable.<format>` for every particle."""
    report, camera = run.config.report, run.config.camera
    around = turntable(report.frames, report.turntable_elevation, camera.distance, camera.fovy)
    films = render_particles(run, particles, around, report.turntable_resolution)
    for seed, frames in zip(run.seeds, films, strict=True):
        path = folder / f"seed_{int(seed)}" / f"turntable.{report.turntable_format}"
        path.parent.mkdir(exist_ok=True)
        write_turntable(path, frames, fps=max(1, report.frames // 4))


def write_meshes(run: Run, particles: Particle, folder: Path) -> dict[str, str]:
    """`seed_<k>/mesh.<format>` for every particle; returns what became of each.

    A particle without a surface is reported, and costs the others nothing.
    """
    report, scene = run.config.report, build.make_scene(run.config, run.stages[-1])
    result = {}
    for i, seed in enumerate(run.seeds):
        path = folder / f"seed_{int(seed)}" / f"mesh.{report.mesh_format}"
        path.parent.mkdir(exist_ok=True)
        params = jax.tree.map(lambda leaf, i=i: np.asarray(leaf[i]), particles.params)
        try:
            mesh = extract_mesh(scene.field, params["field"], report.mesh_resolution)
        except ValueError as error:
            result[f"seed_{int(seed)}"] = str(error)
            continue
        save_mesh(mesh, path)
        result[f"seed_{int(seed)}"] = f"{len(mesh.faces)} faces"
    return result
