"""Annealed timesteps are those of the official code, step by step."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.diffusion import annealing, ramps
from sdjax.diffusion.annealing import ANNEALINGS, from_table
from tests import reference
from tests.defaults import check_defaults

TOTAL_STEPS = 10000


def recorded_annealings() -> list[tuple[str, str]]:
    """The files and cases that hold annealed bounds, as `anneal_<name>_min<t_min>`."""
    return [
        (file, case)
        for file in ("sds", "sdi", "dsd")
        for case in reference.load(file)
        if case.startswith("anneal_") and "_min" in case
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "case"), recorded_annealings())
def test_recorded_timesteps(file, case, x64):
    name, t_min = case.removeprefix("anneal_").split("_min")
    anneal = getattr(annealing, name)(0.98, float(t_min))
    recorded = reference.load(file)[case]
    bounds = next(value for name, value in recorded.items() if name.startswith("min_max_step"))
    progress = recorded["global_step"] / TOTAL_STEPS
    key = jax.random.key(0)
    double = [int(anneal(key, jnp.asarray(p, jnp.float64))) for p in progress]
    single = [int(anneal(key, jnp.asarray(p, jnp.float32))) for p in progress]
    np.testing.assert_array_equal(bounds[:, 0], bounds[:, 1])
    np.testing.assert_array_equal(double, bounds[:, 0])
    np.testing.assert_allclose(single, bounds[:, 0], atol=1)


@pytest.mark.slow
def test_uniform_reaches_exactly_the_recorded_bounds():
    low, high = reference.load("sds")["anneal_none"]["min_max_step"][0]
    draw = jax.vmap(annealing.uniform(low / 1000, high / 1000), in_axes=(0, None))
    t = draw(jax.random.split(jax.random.key(0), 20000), jnp.float32(0.0))
    assert (t.min(), t.max()) == (low, high)


def test_along_visits_every_entry_once():
    anneal = annealing.along(jnp.asarray([900, 500, 100]))
    key = jax.random.key(0)
    assert [int(anneal(key, jnp.float32(step / 3))) for step in range(3)] == [900, 500, 100]


@pytest.mark.slow
def test_a_range_that_narrows_is_the_official_one_given_its_draws(x64, monkeypatch):
    """Of t as 10^7 parts, so that its bounds are as fine as the recorded ones."""
    arrays = reference.load("timestep_schedules")["linear_range"]
    progress = jnp.asarray(arrays["global_step"] / arrays["global_step"].max(), jnp.float64)
    draws = iter(arrays["u"])
    between = lambda key, shape, low, high: jnp.round(high - 1 - next(draws) * (high - 1 - low))  # noqa: E731
    monkeypatch.setattr(jax.random, "randint", between)
    part = lambda done: 0.96 * (1.0 - done) + 0.02  # noqa: E731
    low, high = ramps.ramp(part(0.2), part(1.0)), ramps.ramp(part(0.0), part(0.6))
    anneal = annealing.uniform(low, high, 10**7)
    ours = np.asarray([int(anneal(jax.random.key(0), p)) for p in progress]) / 10**7
    np.testing.assert_allclose(ours, arrays["t_percent"][:, 0], atol=1e-6)
    np.testing.assert_array_equal(np.round(1000 * ours), arrays["t_of_1000"])


def bounds(anneal, progress) -> tuple[int, int]:
    keys = jax.random.split(jax.random.key(0), 20000)
    t = jax.vmap(anneal, (0, None))(keys, jnp.float32(progress))
    return int(t.min()), int(t.max())


@pytest.mark.slow
def test_bounds_are_annealed_over_a_part_of_the_run():
    """MVDream's, and VSD's jump."""
    mvdream = annealing.uniform(ramps.ramp(0.98, 0.02, 0.8), ramps.ramp(0.98, 0.5, 0.8))
    expected = {0.0: (980, 980), 0.4: (500, 740), 0.8: (20, 500), 1.0: (20, 500)}
    for progress, (low, high) in expected.items():
        np.testing.assert_allclose(bounds(mvdream, progress), (low, high), atol=1)
    vsd = annealing.uniform(0.02, ramps.ramp(0.98, 0.5, 0.2, begin=0.2))
    assert bounds(vsd, 0.19) == (20, 980) and bounds(vsd, 0.2) == (20, 500)


FUNCTIONS = {
    "uniform": annealing.uniform,
    "linear": annealing.linear,
    "sqrt": annealing.sqrt,
    "cosine": annealing.cosine,
    "dreamtime": annealing.dreamtime,
}


def recorded_ranges() -> dict[str, tuple]:
    """The settings of t_min and t_max, and rows of step, lowest and highest timestep: MVDream's
    configuration, which its recording does not hold, and those of Zero-1-to-3."""
    mvdream = reference.load("multiview/mvdream/guidance")["timestep_range"]
    settings = (0.0, 0.98, 0.02, 8000.0), (0.0, 0.98, 0.5, 8000.0)
    found = {"mvdream": (*settings, mvdream["step_min_max"])}
    for name, case in reference.load("multiview/zero123/guidance_toy").items():
        if name.endswith("timestep_range"):
            settings = (tuple(case[f"{bound}_spec"].tolist()) for bound in ("min", "max"))
            found[name] = (*settings, case["step_min_max"])
    return found


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("name", recorded_ranges())
def test_a_range_has_the_whole_timesteps_of_the_official_code(name, dtype, x64):
    low, high, rows = recorded_ranges()[name]
    steps = int(rows[:, 0].max()) + 7
    floored = [
        jax.jit(functools.partial(ramps.from_setting(bound, steps).floored, 1000))
        for bound in (low, high)
    ]
    for step, *bounds in rows:
        progress = jnp.asarray(step, dtype) / steps
        assert [int(bound(progress)) for bound in floored] == bounds


def test_uniform_draws_from_that_range():
    """At each step of a short run, both ends and nothing beside them."""
    low, high, steps = (2, 0.49, 0.475, 7), (0, 0.5, 0.49, 5), 9
    table = {"name": "uniform", "t_min": low, "t_max": high, "exact": True}
    draw = jax.jit(jax.vmap(from_table(table, steps), in_axes=(0, None)))
    keys = jax.random.split(jax.random.key(0), 300)
    for step in range(steps + 1):
        drawn = draw(keys, jnp.float32(step) / steps)
        expected = [math.floor(1000 * official(bound, step)) for bound in (low, high)]
        assert [drawn.min(), drawn.max()] == expected


def official(setting, step) -> float:
    """threestudio's `C`."""
    begin, start, end, until = setting
    return start + (end - start) * max(min(1.0, (step - begin) / (until - begin)), 0.0)


def timesteps(anneal, *progress) -> list[int]:
    return [int(anneal(jax.random.key(0), jnp.float32(p))) for p in progress]


def test_every_annealing_is_looked_at():
    assert {*FUNCTIONS, "piecewise"} == ANNEALINGS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_table_is_the_function_of_its_name(name):
    """Without fields with its defaults, with fields with those, which may change in steps."""
    assert set(ANNEALINGS[name].fields) - {"exact"} == {"t_max", "t_min"}
    check_defaults(ANNEALINGS[name].fields, FUNCTIONS[name])
    at = (0.0, 0.3, 0.7, 1.0)
    assert timesteps(from_table({"name": name}), *at) == timesteps(FUNCTIONS[name](), *at)
    table = {"name": name, "t_max": 0.9, "t_min": (20, 0.5, 0.1, 40)}
    ours, expected = (
        from_table(table, 40),
        FUNCTIONS[name](t_max=0.9, t_min=ramps.ramp(0.5, 0.1, begin=0.5)),
    )
    assert timesteps(ours, *at) == timesteps(expected, *at)


def test_a_piecewise_table_counts_in_steps():
    table = {"name": "piecewise", "steps": (0, 4, 20), "t": (0.9, 0.5, 0.1)}
    assert timesteps(from_table(table, 20), 0.0, 0.1, 0.2, 0.6, 1.0) == [900, 700, 500, 300, 100]
    assert timesteps(from_table(table, 40), 0.0, 0.1, 0.5, 1.0) == [900, 500, 100, 100]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"name": "square"}, r"annealing\.name is 'square', expected one of uniform, .* piecewise"),
        ({"name": "sqrt", "t_maximum": 1.0}, r"annealing\.t_maximum is not a field .*t_max"),
        (
            {"name": "sqrt", "t_min": 1.5},
            r"annealing\.t_min is 1\.5, expected a number from 0 to 1",
        ),
        ({"name": "piecewise", "t": (0.5,)}, r"annealing\.steps is missing"),
    ],
)
def test_a_table_that_names_no_annealing_is_refused(table, said):
    with pytest.raises(UserError, match=said):
        from_table(table)
