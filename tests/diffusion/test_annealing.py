"""Annealed timesteps are those of the official code, step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion import annealing, pace, ramps
from tests import reference

TOTAL_STEPS = 10000


def recorded_annealings() -> list[tuple[str, str]]:
    """The files and cases that hold annealed bounds, as `anneal_<name>_min<t_min>`."""
    return [
        (file, case)
        for file in ("sds", "sdi", "dsd")
        for case in reference.load(file)
        if case.startswith("anneal_") and "_min" in case
    ]


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


def test_uniform_reaches_exactly_the_recorded_bounds():
    low, high = reference.load("sds")["anneal_none"]["min_max_step"][0]
    draw = jax.vmap(annealing.uniform(0.02, 0.98), in_axes=(0, None))
    t = draw(jax.random.split(jax.random.key(0), 20000), jnp.float32(0.0))
    assert (t.min(), t.max()) == (low, high)


def test_along_visits_every_entry_once():
    anneal = annealing.along(jnp.asarray([900, 500, 100]))
    key = jax.random.key(0)
    assert [int(anneal(key, jnp.float32(step / 3))) for step in range(3)] == [900, 500, 100]


SCHEDULES = reference.load("timestep_schedules")
PACES = {
    "linear_2d": pace.piecewise((0.0, 1.0), (0.0, 1.0)),
    "linear_two_stage": pace.piecewise((0.0, 0.5, 1.0), (0.0, 0.4, 0.6)),
    "dreamtime_default": pace.dreamtime(),
    "dreamtime_700": pace.dreamtime(700.0, 400.0, 100.0, 200.0),
    "sqrt": pace.square_root,
}


def recorded_schedule(name):
    """Progress, the recorded fractions of t, and the timesteps that they round to."""
    arrays = SCHEDULES[name]
    progress = jnp.asarray(arrays["global_step"] / arrays["global_step"].max(), jnp.float64)
    return progress, arrays["t_percent"], arrays["t_of_1000"]


@pytest.mark.parametrize("name", PACES)
def test_paces_are_those_of_the_official_schedules(name, x64):
    progress, fractions, timesteps = recorded_schedule(name)
    t_min, key = 0.3 if name == "sqrt" else 0.02, jax.random.key(0)
    done = jnp.stack([PACES[name](key, p) for p in progress])
    ours = (0.98 - t_min) * (1.0 - done) + t_min
    np.testing.assert_allclose(ours, fractions[:, 0], atol=1e-12)
    anneal = annealing.annealed(PACES[name], 0.98, t_min, rounding=jnp.round)
    np.testing.assert_array_equal([int(anneal(key, p)) for p in progress], timesteps)
    single = [int(anneal(key, p.astype(jnp.float32))) for p in progress]
    np.testing.assert_allclose(single, timesteps, atol=1)


@pytest.mark.parametrize("name", ["default", "700"])
def test_dreamtime_table(name):
    settings = {"default": (800, 400, 100, 150), "700": (700, 400, 100, 200)}[name]
    recorded = SCHEDULES[f"dreamtime_{name}"]["dreamtime_table"]
    np.testing.assert_allclose(pace.dreamtime_table(*settings, 1000), recorded, atol=1e-14)


def test_a_pace_drawn_between_envelopes_is_the_official_one_given_its_draws(x64, monkeypatch):
    progress, fractions, timesteps = recorded_schedule("linear_range")
    draws = iter(SCHEDULES["linear_range"]["u"])
    monkeypatch.setattr(jax.random, "uniform", lambda key, dtype: jnp.asarray(next(draws), dtype))
    drawn = pace.between(ramps.ramp(0.0, 0.6), ramps.ramp(0.2, 1.0))
    anneal = annealing.annealed(drawn, 1.0, 0.0, 10**6, rounding=jnp.round)
    ours = [int(anneal(jax.random.key(0), p)) / 10**6 for p in progress]
    np.testing.assert_allclose(0.96 * np.asarray(ours) + 0.02, fractions[:, 0], atol=1e-6)
    np.testing.assert_array_equal(np.round(1000 * fractions[:, 0]), timesteps)


def test_a_pace_between_envelopes_fills_them():
    drawn = pace.between(0.2, ramps.ramp(0.2, 1.0))
    keys = jax.random.split(jax.random.key(0), 1000)
    at = lambda progress: jax.vmap(drawn, (0, None))(keys, jnp.float32(progress))  # noqa: E731
    np.testing.assert_allclose(at(0.0), 0.2)
    end = np.sort(at(1.0))
    np.testing.assert_allclose(end, np.linspace(0.2, 1.0, 1000), atol=0.05)


def bounds(anneal, progress) -> tuple[int, int]:
    keys = jax.random.split(jax.random.key(0), 20000)
    t = jax.vmap(anneal, (0, None))(keys, jnp.float32(progress))
    return int(t.min()), int(t.max())


def test_bounds_are_annealed_over_a_part_of_the_run():
    """MVDream's, and VSD's jump."""
    mvdream = annealing.uniform(ramps.ramp(0.98, 0.02, 0.8), ramps.ramp(0.98, 0.5, 0.8))
    expected = {0.0: (980, 980), 0.4: (500, 740), 0.8: (20, 500), 1.0: (20, 500)}
    for progress, (low, high) in expected.items():
        np.testing.assert_allclose(bounds(mvdream, progress), (low, high), atol=1)
    vsd = annealing.uniform(0.02, ramps.ramp(0.98, 0.5, 0.2, begin=0.2))
    assert bounds(vsd, 0.19) == (20, 980) and bounds(vsd, 0.2) == (20, 500)


def test_ramps_are_constant_outside_their_knots():
    ours = [float(ramps.ramp(2.0, 6.0, 0.75, begin=0.25)(jnp.float32(p))) for p in (0, 0.5, 1)]
    assert ours == [2.0, 4.0, 6.0]
    assert ramps.value_at(3.0, jnp.float32(0.5)) == 3.0


@pytest.mark.parametrize(
    ("knots", "values", "said"),
    [((0.0, 0.0), (1.0, 2.0), "ascending"), ((0.5,), (1.0, 2.0), "1 knots and 2 values")],
)
def test_bad_knots_are_refused(knots, values, said):
    with pytest.raises(ValueError, match=said):
        ramps.piecewise(knots, values)
