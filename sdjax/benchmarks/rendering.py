"""Rays per second of a scene, forward and backward."""

from collections.abc import Iterator
from functools import partial

import jax
from ml_collections import ConfigDict

from sdjax.benchmarks.method import Method, runner, take_turns
from sdjax.benchmarks.section import Deadline, Event, Note, Row, in_time
from sdjax.benchmarks.work import Work, compiled, mebibytes, random_like
from sdjax.config.fields import several, text, whole
from sdjax.config.kinds import arguments, made
from sdjax.rigs import sample_rig
from sdjax.runs.particle import CAMERA_RANGE
from sdjax.runs.stages import total_steps
from sdjax.scene import SCENES
from sdjax.scene.kind import Place

TITLE = "Rendering"
NOTE = "One view of a scene, float32: the colours, and with them the gradient of all parameters."
SCENE = (
    "The scene is that of run '{run}' ({field}, {samples} samples and {proposals} proposals a ray, "
    "albedo)."
)

FIELDS = {
    "run": text().says("the run whose scene is rendered"),
    "resolutions": several(whole(at_least=1)).of((64, 128, 256, 512), "pixels along an edge"),
}


def measure_rendering(
    name: str,
    run: ConfigDict,
    resolutions: tuple[int, ...],
    method: Method,
    deadline: Deadline,
) -> Iterator[Event]:
    """A row for each resolution, with the grid of the run's last stage."""
    scene, method = run.scene, method._replace(deadline=deadline)
    told = {"field": scene.name, "samples": scene.samples, "proposals": scene.proposals}
    yield Note(SCENE.format(run=name, **told))
    rows = ((f"{size} px", partial(_row, run, size, method)) for size in resolutions)
    yield from in_time(rows, deadline)


def _row(run: ConfigDict, resolution: int, method: Method) -> Row:
    forward, both = rendering_works(run, resolution)
    programs = [compiled(work) for work in (forward, both)]
    runners = {
        f"render {resolution} px {name}": runner(program.run, *work.arguments)
        for name, program, work in zip(("forward", "both"), programs, (forward, both), strict=True)
    }
    rays = resolution * resolution
    alone, whole = (timing.median for timing in take_turns(runners, method).values())
    return {
        "pixels": resolution,
        "rays": rays,
        "forward, rays/s": rays / alone,
        "forward + backward, rays/s": rays / whole,
        "forward, ms": 1e3 * alone,
        "forward + backward, ms": 1e3 * whole,
        "planned memory, MiB": mebibytes(programs[1].planned),
    }


def rendering_works(run: ConfigDict, resolution: int) -> tuple[Work, Work]:
    """The picture from fresh parameters, and the picture with the gradient of its product with a
    cotangent.  Arguments: parameters, a camera, and the cotangent."""
    place = Place(resolution, (1, 1, 1), run.stages.grid[-1], False, False)
    scene = made(SCENES, run.scene, total_steps(run), place=place).replace(shading=None)
    ranges = arguments(CAMERA_RANGE, run.camera)
    camera = jax.tree.map(lambda leaf: leaf[0], sample_rig(jax.random.key(0), 1, **ranges))
    params = jax.jit(scene.init)(jax.random.key(0))

    def colours(params, camera):
        return scene.render(params, camera, jax.random.key(0), resolution, resolution).colour

    def with_gradient(params, camera, cotangent):
        image, pull = jax.vjp(lambda params: colours(params, camera), params)
        return image, *pull(cotangent)

    cotangent = random_like(jax.eval_shape(colours, params, camera))
    return Work(colours, (params, camera)), Work(with_gradient, (params, camera, cotangent))
