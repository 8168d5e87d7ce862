"""What configs say about the course of a run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.loading import load_config
from sdjax.diffusion import annealing
from sdjax.rules import noise
from sdjax.runs.build_schedules import (
    make_annealing,
    make_noise,
    make_ramp,
    make_rescalings,
    total_steps,
)
from tests.small_runs import CONFIGS

KEY = jax.random.key(0)
at = jnp.float32


def config_of(**tables):
    config = load_config(CONFIGS / "embedded_3d" / "sds.py").to_dict()
    return load_config(config | tables)


def test_a_ramp_counts_the_steps_of_all_stages():
    assert total_steps(config_of()) == 400
    ramp = make_ramp((100, 2.0, 6.0, 300), 400)
    assert [float(ramp(at(p))) for p in (0.0, 0.25, 0.5, 0.75, 1.0)] == [2.0, 2.0, 4.0, 6.0, 6.0]
    assert make_ramp(3.0, 400) == make_ramp((3.0,), 400) == 3.0


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"name": "uniform", "t_max": 0.9, "t_min": 0.1}, annealing.uniform(0.1, 0.9)),
        ({"name": "linear", "t_max": 0.9, "t_min": 0.1}, annealing.linear(0.9, 0.1)),
        ({"name": "sqrt", "t_max": 0.9, "t_min": 0.1}, annealing.sqrt(0.9, 0.1)),
    ],
)
def test_an_annealing_is_the_one_that_is_named(table, expected):
    ours = make_annealing(config_of(annealing=table))
    for progress in (0.0, 0.3, 1.0):
        assert ours(KEY, at(progress)) == expected(KEY, at(progress))


def test_the_pieces_of_an_annealing_meet_at_their_steps():
    table = {"name": "piecewise", "steps": (0, 100, 400), "t": (0.9, 0.5, 0.2)}
    ours = make_annealing(config_of(annealing=table))
    timesteps = [int(ours(KEY, at(step / 400))) for step in (0, 50, 100, 250, 400)]
    assert timesteps == [900, 700, 500, 350, 200]


def test_a_bound_may_change():
    table = {"name": "linear", "t_max": (0, 0.9, 0.5, 400), "t_min": 0.1}
    ours = make_annealing(config_of(annealing=table))
    assert int(ours(KEY, at(0.5))) in (399, 400)  # half way from 0.7 to 0.1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gaussian", noise.gaussian()),
        ("offset", noise.offset_gaussian()),
        ("fixed", noise.fixed()),
        ("world_map", noise.world_map(90.0)),
    ],
)
def test_a_noise_is_the_one_that_is_named(name, expected):
    table = {"name": name, "theta": 90.0, "beta": 1.0, "gamma": 0.0, "map_texels": None}
    ours = make_noise(config_of(noise=table)).init(KEY, (4, 4, 3))
    jax.tree.map(np.testing.assert_array_equal, ours, expected.init(KEY, (4, 4, 3)))


def test_a_gradient_is_clipped_before_it_is_normalised():
    table = {"clip": (0, 1.0, 3.0, 400), "normalise": True}
    gradient = jnp.asarray([[[[4.0, 0.0, 1.0, 0.0]]]])
    for rescaling in make_rescalings(config_of(gradient=table)):
        gradient = rescaling(gradient, at(0.5))  # clipped at 2
    np.testing.assert_allclose(gradient[0, 0, 0], np.array([2.0, 0.0, 1.0, 0.0]) / 5**0.5, 1e-6)
    assert make_rescalings(config_of()) == []
