"""A whole training step of each run, and its parts."""

from collections.abc import Iterator, Mapping
from functools import partial

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from sdjax.benchmarks import runs
from sdjax.benchmarks.evaluations import count_evaluations
from sdjax.benchmarks.machine import device_peak, peak_of_row
from sdjax.benchmarks.method import Method, runner, take_turns
from sdjax.benchmarks.runs import OfRun, Opened, Opener, stages_of
from sdjax.benchmarks.section import Deadline, Event, Note, Row, in_time
from sdjax.benchmarks.work import Work, compiled, mebibytes
from sdjax.config.fields import flag, optional, several, text, whole
from sdjax.runs.bytes_of_run import bytes_of_training
from sdjax.runs.compiler_options import compiler_options
from sdjax.runs.placement import make_placement
from sdjax.runs.stages import highest_resolution
from sdjax.runs.step import step_keys, train_step

TITLE = "Training step"
COUNTED = 200  # steps
NOTE = (
    f"One particle. Network evaluations are counted over {COUNTED} steps (calls, and pictures in "
    "their batches). Planned memory is XLA's, of this program; estimated is what a run of one "
    "particle is checked for before it begins."
)
MOMENTS = "{moments} steps are timed, spread over each stage, in one program."
PARTS = (
    "The parts are programs of their own, so they do not add up exactly; render and encode are "
    "forward and backward."
)
FIELDS = {
    "runs": optional(several(text())).of(None, "whose steps are timed, in this order; None: all"),
    "model": text().of("sd21_base", "the size of Stable Diffusion in runs, as `models`"),
    "moments": whole(at_least=1).of(10, "steps that are timed, spread over each stage"),
    "parts": flag().of(True, "time the parts of a step, too, each of which is compiled"),
}


def measure_steps(
    training: Mapping[str, ConfigDict],
    model: str,
    moments: int,
    with_parts: bool,
    method: Method,
    deadline: Deadline,
) -> Iterator[Event]:
    """A row for each stage of each run."""
    yield Note(MOMENTS.format(moments=moments))
    if with_parts:
        yield Note(PARTS)
    opener, method = Opener(model), method._replace(deadline=deadline)
    row = partial(_row, opener, moments, with_parts, method)
    yield from in_time(((_name(one), partial(row, one)) for one in stages_of(training)), deadline)


def _name(of_run: OfRun) -> str:
    return f"{of_run.name}, {of_run.stage.resolution} px"


def _row(opener: Opener, moments: int, with_parts: bool, method: Method, of_run: OfRun) -> Row:
    before = device_peak()
    opened = opener(of_run)
    works = {"step": whole_step(opened, moments), **(parts(opened, moments) if with_parts else {})}
    programs = {name: compiled(work, step_options()) for name, work in works.items()}
    runners = {
        f"{opened.name} {opened.stage.resolution} px {name}": runner(program.run, *work.arguments)
        for (name, program), work in zip(programs.items(), works.values(), strict=True)
    }
    timings = dict(zip(works, take_turns(runners, method).values(), strict=True))
    each = {"step": moments, "rule": moments}
    seconds = {name: timing.median / each.get(name, 1) for name, timing in timings.items()}
    counted = count_evaluations(opened, COUNTED)
    return {
        "run": opened.name,
        "pixels": opened.stage.resolution,
        "steps/s": 1.0 / seconds["step"],
        "evaluations/step": counted.per_step,
        "pictures/step": counted.pictures_per_step,
        "evaluations to prepare": counted.to_prepare,
        **{f"{name}, ms": 1e3 * value for name, value in seconds.items()},
        "compile, s": programs["step"].compiling,
        "planned memory, MiB": mebibytes(programs["step"].planned),
        "estimated memory, MiB": mebibytes(_estimated(of_run, opened)),
        **peak_of_row(before),
    }


def _estimated(of_run: OfRun, opened: Opened) -> int | None:
    """Bytes of a step by `bytes_of_training`, which counts those of a run's largest stage."""
    if of_run.stage.resolution < highest_resolution(of_run.config):
        return None
    return bytes_of_training(of_run.config, opened.prior, opened.conditioning).peak(1, 1)


def step_options() -> dict[str, int]:
    """The compiler's, as training has them on this device."""
    return compiler_options(make_placement(1, 1).mesh)


def whole_step(opened: Opened, moments: int) -> Work:
    """`moments` training steps; arguments: prior, conditioning, particle, steps."""

    def train(prior, conditioning, particle, steps):
        rule = opened.recipe.make_rule(prior)

        def body(particle, step):
            keys = step_keys(jnp.int32(0), step)
            return train_step(opened.recipe, prior, conditioning, rule, keys, particle, step)[:2]

        return jax.lax.scan(body, particle, steps)

    steps = runs.spread_steps(opened, moments)
    return Work(train, (opened.prior, opened.conditioning, runs.fresh_particle(opened), steps))


def parts(opened: Opened, moments: int) -> dict[str, Work]:
    """Render and encode with their gradients, the rule (`moments` updates), the optimiser."""
    encode = {} if opened.recipe.scene.in_latent_space else {"encode": _encode(opened)}
    rule = {"rule": _rule(opened, moments)}
    return {"render": _render(opened), **encode, **rule, "update": _update(opened)}


def _render(opened: Opened) -> Work:
    recipe, size = opened.recipe, opened.recipe.resolution

    def render(params, camera, cotangent):
        def colours(params):
            key = jax.random.key(0)
            return jax.vmap(
                lambda camera: recipe.scene.render(params, camera, key, size, size).colour
            )(camera)

        image, pull = jax.vjp(colours, params)
        return image, *pull(cotangent)

    params = runs.fresh_particle(opened).params
    return Work(render, (params, runs.a_camera(opened), runs.an_image(opened)))


def _encode(opened: Opened) -> Work:
    def encode(prior, image, cotangent):
        latents, pull = jax.vjp(lambda image: prior.encode(image, jax.random.key(0)), image)
        return latents, *pull(cotangent)

    return Work(encode, (opened.prior, runs.an_image(opened), runs.some_latents(opened)))


def _rule(opened: Opened, moments: int) -> Work:
    def update(prior, conditioning, latents, state, view, steps):
        rule, predictor = opened.recipe.make_rule(prior), prior.predictor(conditioning, view.camera)

        def body(state, step):
            progress = step / opened.recipe.total_steps
            key = step_keys(jnp.int32(0), step).rule
            result = rule.update(key, latents, state, predictor, progress=progress, view=view)
            return result.state, result.gradient

        return jax.lax.scan(body, state, steps)

    view = runs.a_view(opened, runs.a_camera(opened))
    state = runs.fresh_particle(opened).rule_state
    own = runs.some_latents(opened), state, view, runs.spread_steps(opened, moments)
    return Work(update, (opened.prior, opened.conditioning, *own))


def _update(opened: Opened) -> Work:
    def update(gradient, particle):
        direction, state = opened.recipe.optimizer.update(
            gradient, particle.optimizer_state, particle.params
        )
        return jax.tree.map(lambda p, d: p - 1e-3 * d, particle.params, direction), state

    particle = runs.fresh_particle(opened)
    return Work(update, (particle.params, particle))
