"""What stands between a command and its first step: programs, each compiled once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.runs import build, loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.compiler_options import compiler_options
from sdjax.runs.placement import make_placement
from sdjax.runs.program import counts_steps
from sdjax.runs.run import open_run
from sdjax.runs.several_steps import Span, several_steps
from tests.small_runs import images_config

COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture
def compiled():
    """The names of the programs that are compiled from here on."""
    names = []

    def listen(event, duration, **named):
        if event == COMPILED:
            names.append(named["fun_name"])

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def walk(carry, step):
    carry = jnp.tanh(carry * 1.01 + 0.1 * jnp.sin(step.astype(jnp.float32)))
    return carry, {"sum": jnp.sum(carry), "step": step}


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_program_of_any_number_of_steps_takes_those_of_a_scan(count):
    start, first = jnp.linspace(-1.0, 1.0, 6), jnp.int32(7)
    some = jax.jit(lambda x, first, count: several_steps(walk, x, Span(first, count), 5))
    carry, log = some(start, first, jnp.int32(count))
    expected, rows = jax.jit(lambda x, first: several_steps(walk, x, Span(first), count))(
        start, first
    )
    np.testing.assert_array_equal(carry, expected)
    for name, values in rows.items():
        np.testing.assert_array_equal(log[name][:count], values)
        assert not np.any(log[name][count:])


def trained(folder, **settings):
    run = open_run(images_config(**settings))
    with Checkpoints(folder) as checkpoints:
        return loop.train(run, checkpoints)


def test_a_short_last_chunk_is_no_program_of_its_own(compiled, tmp_path, monkeypatch):
    """It has the numbers of the program that it had before."""
    settings = {"stages.steps": (5,), "run.chunk": 3}
    counted = trained(tmp_path / "counted", **settings)
    programs = compiled.count("jit(on_device)")
    monkeypatch.setattr("sdjax.runs.program.counts_steps", lambda run: False)
    scanned = trained(tmp_path / "scanned", **settings)
    jax.tree.map(np.testing.assert_array_equal, counted, scanned)
    assert programs == 2  # the particles' beginning, and their steps
    assert compiled.count("jit(on_device)") == 2 + 3


def test_little_else_is_compiled(compiled, tmp_path):
    """Each operation of `jax.numpy` outside of a program would be one of its own."""
    trained(tmp_path, **{"stages.steps": (3,), "run.chunk": 3})
    assert len(compiled) - compiled.count("jit(on_device)") <= 12, compiled


def test_a_stage_of_the_same_prior_begins_with_what_there_is(tmp_path):
    stages = {"steps": (2, 2), "resolution": (16, 16), "grid": (6, 6)}
    run = open_run(images_config(stages=stages))
    assert counts_steps(run)
    second = run.stages[1]
    recipe = build.make_recipe(run.config, run.prior, second)
    shapes = loop.template(run, 2)
    assert loop._goes_on(run, second, recipe, shapes)
    assert not loop._goes_on(run, run.stages[0], recipe, None)
    other = run._replace(stages=[run.stages[0]._replace(resolution=4), second])
    assert not loop._goes_on(other, second, recipe, shapes)


def test_a_processor_is_compiled_for_a_little_less():
    mesh = make_placement(1).mesh
    assert compiler_options(mesh) == {}  # the tests themselves have asked for no optimisation
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        options = compiler_options(mesh)
    finally:
        jax.config.update("jax_disable_most_optimizations", True)
    assert options == {"xla_backend_optimization_level": 1}
    assert jax.jit(lambda x: 2 * x, compiler_options=options)(1.0) == 2.0
