"""A whole run: particles through all stages, in chunks between which the host looks in."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

from sdjax.config.errors import UserError
from sdjax.config.fields import one_of, whole
from sdjax.priors.prior import Prior
from sdjax.runs import build
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.failures import Told, check_going_on, failures
from sdjax.runs.particle import Particle, Recipe, first_particle, prepare_particle
from sdjax.runs.population import Population, initial_shared
from sdjax.runs.processes import of_any_process
from sdjax.runs.program import is_shared, program, program_length
from sdjax.runs.run import Run, trimmed
from sdjax.runs.signals import InterruptedRunError, goes_on
from sdjax.runs.stages import Stage

CHUNKS = {
    "chunk": whole(at_least=1).of(20, "steps between which the host looks in"),
    "checkpoint_every": whole(at_least=1).of(100, "steps, or a little more"),
    "on_nonfinite": one_of("freeze", "stop").of(
        "freeze", "a seed that becomes infinite or NaN: it stays as it was before, or all stop"
    ),
}


class Chunk(NamedTuple):
    """What the host sees of some steps: means over them, per particle."""

    step: int  # steps done
    steps: int  # of which in this chunk
    losses: dict[str, np.ndarray]  # [particles]
    opacity: np.ndarray  # [particles], mean over the pictures
    failures: list[Told]  # of the seeds that stopped so far
    seconds: float
    compiles: bool  # its seconds include a compilation
    particles: Population  # on the devices, with copies; gone once the next chunk is computed
    saved: bool  # as a checkpoint
    interrupted: int | None  # the number of a signal after which the run ends here


def restore(run: Run, checkpoints: Checkpoints) -> tuple[int, Population | None]:
    """The steps done and the particles of the newest checkpoint, or (0, None)."""
    return checkpoints.restore_latest(functools.partial(template, run)) or (0, None)


def train(
    run: Run,
    checkpoints: Checkpoints,
    step: int = 0,
    particles: Population | None = None,
    on_chunk: Callable[[Chunk], None] = lambda chunk: None,
    asked: Callable[[], int | None] = lambda: None,
) -> Population:
    """Train all particles to the end, from what `restore` returned.

    Bit for bit the same with or without interruptions.  Returns the particles (leading axis); the
    memory of those that were given may be taken.
    A particle that becomes infinite or NaN stays at its last good state (`failures`), unless
    `config.run.on_nonfinite` is "stop": then, or where none goes on, it raises `NonFiniteError`;
    the checkpoints before that stay.  Once `asked()` is the number of a signal it saves after the
    chunk and raises `InterruptedRunError`.
    """
    for stage in run.stages:
        if step >= stage.last:
            continue
        recipe = build.make_recipe(run.config, run.prior, stage)
        prior = run.placement.place_weights(run.prior.at_resolution(stage.resolution))
        if step == stage.first and not _goes_on(run, stage, recipe, particles):
            particles = _enter(run, recipe, prior, particles)
        for chunk in _chunks(run, stage, recipe, prior, particles, step, asked):
            particles, step = chunk.particles, chunk.step
            if chunk.saved:
                checkpoints.save(step, trimmed(run, particles))
            on_chunk(chunk)
            if chunk.interrupted is not None:
                raise InterruptedRunError(chunk.interrupted, goes_on(step, run.total_steps))
    return trimmed(run, particles)


def stage_at(run: Run, step: int) -> Stage:
    """The stage whose particles a checkpoint after `step` steps holds."""
    if step > run.total_steps:
        raise UserError(
            f"A checkpoint is of step {step}, expected at most {run.total_steps}, as many as "
            "config.stages.steps has in all."
        )
    return next(stage for stage in run.stages if step <= stage.last)


def _chunks(run, stage, recipe, prior, population, step, asked) -> Iterator[Chunk]:
    """The steps of one stage from `step` on."""
    programs, saved = {}, step
    population = Population(*run.placement.spread(population.particles), population.shared)
    while step < stage.last:
        start, first = time.perf_counter(), step
        steps = min(run.config.run.chunk, stage.last - step)
        length = program_length(run, stage, steps)
        compiles = length not in programs
        if compiles:
            programs[length] = program(run, recipe, length)
        run_chunk = programs[length]
        result = run_chunk.compiled(*run_chunk.arguments(prior, first, population, steps))
        population, log = run_chunk.results(result)
        losses = run.placement.gathered(log.losses)
        told = failures(run, population)
        check_going_on(run, told)
        step += steps
        means = {name: values[:, :steps].mean(1) for name, values in losses.items()}
        opacity = run.placement.gathered(log.opacity)[:, :steps].mean(1)
        interrupted = of_any_process(asked())
        is_saved = step - saved >= run.config.run.checkpoint_every or step == stage.last
        is_saved = is_saved or interrupted is not None
        saved = step if is_saved else saved
        seconds = time.perf_counter() - start
        yield Chunk(
            step,
            steps,
            means,
            opacity,
            told,
            seconds,
            compiles,
            population,
            is_saved,
            interrupted,
        )


def _goes_on(run: Run, stage: Stage, recipe: Recipe, population: Population | None) -> bool:
    """Whether a stage begins with what the stage before it ended with: its params do not move, and
    of the same prior what is prepared would be the same."""
    if population is None:
        return False
    before = stage_at(run, stage.first)
    shapes = {run.prior.latent_shape(each.resolution) for each in (before, stage)}
    if len(shapes) > 1:  # the prior is another one
        return False
    stays = []
    one = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), population.params
    )
    jax.eval_shape(lambda params: stays.append(recipe.scene.moved(params) is params), one)
    return stays[0]


def _enter(run: Run, recipe: Recipe, prior: Prior, population: Population | None) -> Population:
    """The particles at the start of a stage: new ones, or those of the stage before; a dense grid
    moves to the stage's vertices and begins with a fresh optimiser."""
    if population is None:
        shared = None
        if is_shared(run):
            first_seed = run.placement.place(run.first_seed)
            shared = jax.jit(functools.partial(initial_shared, recipe))(prior, first_seed)
        start = run.mapped(functools.partial(_start, recipe), 3)
        return Population(*start(prior, run.conditioning, shared, run.seeds), shared)
    onward = run.mapped(functools.partial(_move, recipe), 3)
    shared = population.shared
    return Population(*onward(prior, run.conditioning, shared, population.particles), shared)


def _start(recipe: Recipe, prior: Prior, conditioning, shared, seed) -> Particle:
    return first_particle(recipe, prior, conditioning, seed, shared)


def _move(recipe: Recipe, prior: Prior, conditioning, shared, particle: Particle) -> Particle:
    params = recipe.scene.moved(particle.params)
    if params is not particle.params:
        optimizer_state = recipe.optimizer.init(params)
        particle = particle._replace(params=params, optimizer_state=optimizer_state)
    return prepare_particle(recipe, prior, conditioning, particle, shared)


def template(run: Run, step: int) -> Population:
    """The shapes of the particles in a checkpoint after `step` steps."""
    stage = stage_at(run, step)
    recipe = build.make_recipe(run.config, run.prior, stage)
    prior = run.prior.at_resolution(stage.resolution)

    def start(prior, conditioning, seeds):
        shared = initial_shared(recipe, prior, run.first_seed)
        one = jax.vmap(functools.partial(_start, recipe), in_axes=(None, None, None, 0))
        return Population(*one(prior, conditioning, shared, seeds), shared)

    return jax.eval_shape(start, prior, run.conditioning, run.seeds)
