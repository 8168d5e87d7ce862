"""Films and meshes of a run at other settings: `sdjax export --workdir=runs/demo`.

They are made from the newest checkpoint, so an unfinished run will do, without the prior, and
written to `<workdir>/export/seed_<k>/`; `--help` lists the settings.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags
from ml_collections import FrozenConfigDict

from sdjax.commands import app, process_options
from sdjax.config.errors import UserError
from sdjax.runs.combinations import check_config
from sdjax.runs.failures import Told
from sdjax.runs.memory import check_memory, phases_of_report
from sdjax.runs.outputs import REPORT, read_metrics, write_own_meshes, write_turntables
from sdjax.runs.placement import local_placement
from sdjax.runs.population import Population
from sdjax.runs.processes import all_do, is_first, own_share, prepare_machine
from sdjax.runs.run import Run
from sdjax.runs.run_folder import read_run_config
from sdjax.runs.schema import load_config
from sdjax.runs.shown import newest_shown
from sdjax.runs.workdir import make_folder, workdir_of
from sdjax.scene import SCENES
from sdjax.scene.background import COLOUR

FILMS, MESHES = (list(REPORT[f"{what}_format"].names) for what in ("turntable", "mesh"))


def export(
    workdir: str | Path,
    seed: int | None = None,
    *,
    film: str = "mp4",
    frames: int = 120,
    resolution: int = 256,
    format: str = "glb",
    mesh_resolution: int = 128,
    threshold: float | None = None,
    background: Sequence[float] | None = None,
    out: str | Path | None = None,
) -> Path:
    """Write the turntable and the mesh of every seed of a run.

    Of several processes each writes those of its share of the seeds, and none returns before all
    have.

    Args:
        workdir: the run's folder.
        seed: the only seed to write; all if None.
        film: "mp4" or "gif".
        frames: of a turn; 0 for no film.
        resolution: pixels of a frame along an edge.
        format: of the mesh: "glb", "obj" or "ply".
        mesh_resolution: points of its grid along an edge, >= 8; 0 for no mesh.
        threshold: density of the mesh's surface, in 1 / world units, > 0; None finds one.
        background: the colour behind the films, red, green and blue from 0 to 1; the run's own
            background if None.
        out: the folder to write to; `<workdir>/export` if None.

    Returns:
        The folder written to.

    Raises:
        UserError: where there is no run, no checkpoint, no such seed or nothing to export.
    """
    settings = {
        "run.devices": 0,
        "run.weight_shards": 1,
        "report.turntable_format": film,
        "report.frames": max(frames, 1),
        "report.turntable_resolution": resolution,
        "report.mesh_format": format,
        "report.mesh_resolution": mesh_resolution or 8,
        "report.mesh_threshold": threshold,
    }
    workdir = workdir_of(workdir)
    out = workdir / "export" if out is None else workdir_of(out, "--out")
    if not (frames or mesh_resolution):
        raise UserError(
            "--frames and --mesh_resolution are both 0, expected one of them above 0: nothing "
            "would be exported."
        )
    config = _config(workdir, settings)
    _check_seed(config, seed)
    prepare_machine()
    film, mesh = phases_of_report(config, 1, "--resolution", "--mesh_resolution")
    shown = config if background is None else _before(config, background)

    def ready() -> tuple[Run, Population, Path]:
        check_memory(film if frames else [], mesh if mesh_resolution else [])
        return *_shown(config, workdir), make_folder(out)

    run, particles, folder = all_do(ready)
    run = run._replace(config=shown)
    wanted = [i for i, number in enumerate(run.seeds.tolist()) if seed in (None, number)]

    def write() -> None:
        for i in own_share(wanted):
            _export_one(*_select(run, particles, i), folder, frames > 0, mesh_resolution > 0)

    all_do(write)
    return folder


def _config(workdir: str | Path, settings: dict[str, Any]) -> FrozenConfigDict:
    """The configuration of the run, with the settings of this export."""
    config = load_config(read_run_config(workdir), settings)
    check_config(config)
    if SCENES[config.scene.name].is_flat:
        raise UserError(
            f"--workdir={workdir} holds images, which have no meshes and turntables; "
            "expected a run of objects."
        )
    return config


def _before(config: FrozenConfigDict, background: Sequence[float]) -> FrozenConfigDict:
    """The configuration with one colour as its background."""
    if not COLOUR.accepts(background):
        raise UserError(f"--background is {background!r}, expected {COLOUR.expected}.")
    return load_config(config, {"scene.background": tuple(background)})


def _check_seed(config: Any, seed: int | None) -> None:
    first, last = config.first_seed, config.first_seed + config.seeds - 1
    if seed is not None and not first <= seed <= last:
        raise UserError(
            f"--seed={seed} is not in the run, which has seeds {first} to {last}; "
            f"the nearest is {min(max(seed, first), last)}."
        )


def _shown(config: FrozenConfigDict, workdir: Path) -> tuple[Run, Population]:
    """The particles of the newest checkpoint; the first process says what they are."""
    run, step, particles = newest_shown(config, workdir)
    if is_first():
        print(f"exporting after {step} of {run.total_steps} steps", flush=True)
        for one in read_metrics(workdir).get("failed", ()):
            print(f"{Told(**one)} became infinite or NaN: this is as it was before", flush=True)
    return run, particles


def _select(run: Run, particles: Population, i: int) -> tuple[Run, Population]:
    """The same run with its i-th particle only."""
    one = jax.tree.map(lambda leaf: leaf[i : i + 1], particles._replace(shared=None))
    return run._replace(seeds=run.seeds[i : i + 1], placement=local_placement(1)), one


def _export_one(run: Run, particles: Population, folder: Path, film: bool, mesh: bool) -> None:
    if film:
        for path in write_turntables(run, particles, folder):
            print(path, flush=True)
    if mesh:
        for seed, what in write_own_meshes(run, particles, folder).items():
            if what.endswith("faces"):
                print(f"{folder / seed}/mesh.{run.config.report.mesh_format}: {what}", flush=True)


def _main(values: Any) -> None:
    process_options.join(values)
    export(
        values.workdir,
        values.seed,
        film=values.film,
        frames=values.frames,
        resolution=values.resolution,
        format=values.format,
        mesh_resolution=values.mesh_resolution,
        threshold=values.threshold,
        background=None if values.background is None else COLOUR.parse(values.background),
        out=values.out,
    )


def _define() -> None:
    app.define_workdir("the run's folder")
    flags.DEFINE_integer("seed", None, "the only seed to export")
    flags.DEFINE_enum("film", "mp4", FILMS, "format of the turntables")
    flags.DEFINE_integer("frames", 120, "of a turn; 0 for no turntables", lower_bound=0)
    flags.DEFINE_integer("resolution", 256, "pixels of a frame along an edge", lower_bound=1)
    flags.DEFINE_enum("format", "glb", MESHES, "format of the meshes")
    flags.DEFINE_integer(
        "mesh_resolution", 128, "points along an edge, at least 8; 0 for no meshes", lower_bound=0
    )
    flags.DEFINE_float("threshold", None, "density of the surface; by default it is found")
    flags.DEFINE_string(
        "background", None, "colour behind the films, such as 1,1,1; by default the run's own"
    )
    flags.DEFINE_string("out", None, "the folder to write to; by default <workdir>/export")
    process_options.define()


COMMAND = app.Command("export", __doc__, _main, _define)
if __name__ == "__main__":
    app.run(COMMAND)
