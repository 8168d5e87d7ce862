"""Films and meshes of a run at other settings: `python -m sdjax.export --workdir=runs/demo`.

They are made from the newest checkpoint, so an unfinished run will do, and written to
`<workdir>/export/seed_<k>/`; `--help` lists the settings.
"""

from pathlib import Path
from typing import Any

from absl import flags

from sdjax.commands import app
from sdjax.config.errors import UserError, user_errors
from sdjax.config.loading import load_config
from sdjax.config.training_checks import FLAT, check_config
from sdjax.runs.machine import prepare_machine
from sdjax.runs.workdir import make_folder, read_config


def export(
    workdir: str | Path,
    seed: int | None = None,
    *,
    film: str = "mp4",
    frames: int = 120,
    resolution: int = 256,
    format: str = "glb",
    mesh_resolution: int = 128,
    out: str | Path | None = None,
) -> Path:
    """Write the turntable and the mesh of every seed of a run.

    Args:
        workdir: the run's folder.
        seed: the only seed to write; all if None.
        film: "mp4" or "gif".
        frames: of a turn; 0 for no film.
        resolution: pixels of a frame along an edge.
        format: of the mesh: "glb", "obj" or "ply".
        mesh_resolution: points of its grid along an edge, >= 8; 0 for no mesh.
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
    }
    config = _config(workdir, settings)
    _check_seed(config, seed)
    prepare_machine()
    run, particles = _restore(config, Path(workdir))
    folder = make_folder(Path(workdir) / "export" if out is None else out)
    for i, number in enumerate(run.seeds.tolist()):
        if seed in (None, number):
            _export_one(*_select(run, particles, i), folder, frames > 0, mesh_resolution > 0)
    return folder


def _config(workdir: str | Path, settings: dict[str, Any]) -> Any:
    """The configuration of the run, with the settings of this export."""
    stored = read_config(workdir)
    if "scene" not in stored:
        raise UserError(f"--workdir={workdir} holds no run of sdjax.train.")
    config = load_config(stored, settings)
    check_config(config)
    if config.scene.name in FLAT:
        raise UserError(
            f"--workdir={workdir} holds images, which have no meshes and turntables; "
            "expected a run of objects."
        )
    return config


def _check_seed(config: Any, seed: int | None) -> None:
    first, last = config.first_seed, config.first_seed + config.seeds - 1
    if seed is not None and not first <= seed <= last:
        raise UserError(
            f"--seed={seed} is not in the run, which has seeds {first} to {last}; "
            f"the nearest is {min(max(seed, first), last)}."
        )


def _restore(config: Any, workdir: Path) -> tuple[Any, Any]:
    from sdjax.runs import loop
    from sdjax.runs.checkpoints import Checkpoints
    from sdjax.runs.run import open_run

    nothing = UserError(f"--workdir={workdir} holds no checkpoint yet; train it first.")
    if not (workdir / "checkpoints").is_dir():
        raise nothing
    with user_errors():
        run = open_run(config)
    with Checkpoints(workdir / "checkpoints") as checkpoints, user_errors():
        step, particles = loop.restore(run, checkpoints)
    if particles is None:
        raise nothing
    print(f"exporting after {step} of {run.total_steps} steps", flush=True)
    return run, particles


def _select(run: Any, particles: Any, i: int) -> tuple[Any, Any]:
    """The same run with its i-th particle only."""
    import jax

    from sdjax.runs.placement import make_placement

    one = jax.tree.map(lambda leaf: leaf[i : i + 1], particles._replace(shared=None))
    return run._replace(seeds=run.seeds[i : i + 1], placement=make_placement(1)), one


def _export_one(run: Any, particles: Any, folder: Path, film: bool, mesh: bool) -> None:
    from sdjax.runs.outputs import write_meshes, write_turntables

    if film:
        for path in write_turntables(run, particles, folder):
            print(path, flush=True)
    if mesh:
        for seed, what in write_meshes(run, particles, folder).items():
            print(f"{folder / seed}/mesh.{run.config.report.mesh_format}: {what}", flush=True)


def main() -> None:
    """The command."""
    values = flags.FLAGS
    export(
        values.workdir,
        values.seed,
        film=values.film,
        frames=values.frames,
        resolution=values.resolution,
        format=values.format,
        mesh_resolution=values.mesh_resolution,
        out=values.out,
    )


def _define_flags() -> None:
    flags.DEFINE_string("workdir", None, "the run's folder", required=True)
    flags.DEFINE_integer("seed", None, "the only seed to export")
    flags.DEFINE_enum("film", "mp4", ["mp4", "gif"], "format of the turntables")
    flags.DEFINE_integer("frames", 120, "of a turn; 0 for no turntables", lower_bound=0)
    flags.DEFINE_integer("resolution", 256, "pixels of a frame along an edge", lower_bound=1)
    flags.DEFINE_enum("format", "glb", ["glb", "obj", "ply"], "format of the meshes")
    flags.DEFINE_integer(
        "mesh_resolution", 128, "points along an edge, at least 8; 0 for no meshes", lower_bound=0
    )
    flags.DEFINE_string("out", None, "the folder to write to; by default <workdir>/export")


if __name__ == "__main__":
    _define_flags()
    app.run(main)
