"""What a finished run leaves in its folder: contact sheet, turntables, meshes, metrics.json.

Of several processes each writes the turntables and meshes of its own particles, and the first one
the rest.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from sdjax.config.errors import UserError
from sdjax.config.fields import number, one_of, optional, whole
from sdjax.files.plain_files import read_json
from sdjax.files.whole_files import whole_file, write_json
from sdjax.reports.evaluation import Evaluation, save_views, summary
from sdjax.reports.pictures import save_png
from sdjax.reports.sheets import sheet
from sdjax.reports.turntable import write_turntable
from sdjax.runs.evaluate import evaluate, is_image, orbit, render_own_particles, scene
from sdjax.runs.failures import ADVICE, Told
from sdjax.runs.population import Population
from sdjax.runs.processes import from_every_process, is_first
from sdjax.runs.run import Run
from sdjax.scene.mesh import extract_mesh, save_mesh

REPORT = {
    "views": whole(at_least=1).of(16, "held-out cameras of the figures"),
    "ddim_scale": optional(number()).of(
        None, "guidance scale of DDIM beside pictures; None: the rule's own"
    ),
    "frames": whole(at_least=1).of(48, "of a turntable"),
    "turntable_resolution": whole(at_least=1).of(128, "pixels of a frame along an edge"),
    "turntable_elevation": number(at_least=-90, at_most=90).of(15.0, "degrees"),
    "turntable_format": one_of("mp4", "gif").of("mp4", "of the films"),
    "mesh_resolution": whole(at_least=8).of(96, "points of the mesh's grid along an edge"),
    "mesh_threshold": optional(number(above=0)).of(
        None, "density of the mesh's surface, in 1 / world units; None: where it finds one"
    ),
    "mesh_format": one_of("glb", "obj", "ply").of("glb", "of the meshes"),
}
METRICS = "metrics.json"
VIEWS = "views.npz"
SHEET = "sheet.png"
SECONDS = 4  # of a turn


def write_outputs(run: Run, particles: Population, folder: Path) -> Evaluation:
    """Evaluate the particles and write everything but the metrics."""
    evaluation = evaluate(run, particles)
    write_pictures(folder, evaluation)
    if is_image(run):
        return evaluation
    write_turntables(run, particles, folder)
    meshes = write_meshes(run, particles, folder)
    return evaluation._replace(metrics={**evaluation.metrics, "meshes": meshes})


def write_pictures(folder: Path, evaluation: Evaluation) -> None:
    """`sheet.png`, and `views.npz` for later comparisons."""
    if not is_first():
        return
    save_png(folder / SHEET, sheet(evaluation))
    save_views(folder / VIEWS, evaluation)


def write_turntables(run: Run, particles: Population, folder: Path) -> list[Path]:
    """`seed_<k>/turntable.<format>` for each of this process's particles, as the config's
    `report` has it."""
    report = run.config.report
    around = orbit(run, report.frames, report.turntable_elevation)
    films = render_own_particles(run, particles, around, report.turntable_resolution)
    name, fps = f"turntable.{report.turntable_format}", max(1, report.frames // SECONDS)
    return [
        write_turntable(folder / f"seed_{seed}" / name, list(frames), fps)
        for seed, frames in zip(own_seeds(run), films, strict=True)
    ]


def write_meshes(run: Run, particles: Population, folder: Path) -> dict[str, str]:
    """`seed_<k>/mesh.<format>` for every particle; returns what became of each.

    A particle without a surface is told, and costs the others nothing.
    """
    own = write_own_meshes(run, particles, folder)
    return {name: told for part in from_every_process(own) for name, told in part.items()}


def own_seeds(run: Run) -> list[int]:
    """Of this process's particles."""
    return [run.seeds.tolist()[i] for i in run.placement.own_indices]


def write_own_meshes(run: Run, particles: Population, folder: Path) -> dict[str, str]:
    """`write_meshes` of this process's particles; the others need not call it."""
    on_host = run.placement.own(run.placement.spread(particles.params))
    report, field, result = run.config.report, scene(run).field, {}
    for i, seed in enumerate(own_seeds(run)):
        path = folder / f"seed_{seed}" / f"mesh.{report.mesh_format}"
        path.parent.mkdir(parents=True, exist_ok=True)
        params = jax.tree.map(lambda leaf, i=i: leaf[i], on_host)
        try:
            mesh = extract_mesh(
                field, params["field"], report.mesh_resolution, report.mesh_threshold
            )
        except UserError as error:
            result[path.parent.name] = str(error)
            print(f"no mesh of seed {seed}: {error}", flush=True)
            continue
        with whole_file(path) as part:
            save_mesh(mesh, part)
        result[path.parent.name] = f"{len(mesh.faces)} faces"
    return result


def finish(
    folder: Path,
    evaluation: Evaluation,
    timing: Mapping[str, Any],
    failed: Sequence[Told] = (),
) -> Evaluation:
    """Write `metrics.json`, by which a run is finished, in one step; tell what it says, and which
    seeds failed."""
    told = {"failed": [one._asdict() for one in failed]} if failed else {}
    evaluation = evaluation._replace(metrics={**evaluation.metrics, **told, **timing})
    if not is_first():
        return evaluation
    write_json(folder / METRICS, evaluation.metrics)
    if failed:
        named = ", ".join(map(str, failed))
        print(f"Infinite or NaN, and left out: {named}. {ADVICE}", flush=True)
    print(f"{summary(evaluation)}.\nLook at {folder / SHEET}; the numbers are in {METRICS}.")
    return evaluation


def read_metrics(folder: Path) -> dict[str, Any]:
    """What `metrics.json` says; nothing where a run is not finished or the file is damaged."""
    try:
        return read_json(folder / METRICS, "the metrics of a run")
    except UserError:
        return {}
