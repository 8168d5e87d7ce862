"""How long a step is and where it goes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sdjax.config.kinds import made
from sdjax.runs.optimizers import OPTIMIZERS, adam, falling, sgd
from sdjax.runs.schema import load_config

PARAMS = {"field": {"grid": jnp.asarray([1.0, 2.0])}, "background": {"bias": jnp.asarray([3.0])}}
GRADIENT = {
    "field": {"grid": jnp.asarray([0.5, -4.0])},
    "background": {"bias": jnp.asarray([0.25])},
}


def optimizer_of(**fields):
    """That of a config."""
    overrides = {f"optimizer.{name}": value for name, value in fields.items()}
    config = load_config("demo", overrides)
    return made(OPTIMIZERS, config.optimizer, 500)


def moved(optimizer, steps=1, progress=0.0):
    """The parameters after some steps along one gradient."""
    params, state = PARAMS, optimizer.direction.init(PARAMS)
    for _ in range(steps):
        direction, state = optimizer.direction.update(GRADIENT, state, params)
        rate = optimizer.learning_rate(jnp.float32(progress))
        params = jax.tree.map(lambda p, d: p - rate * d, params, direction)  # noqa: B023
    return params


def assert_close(actual, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), actual, expected)


def test_the_learning_rate_falls_along_half_a_cosine():
    rate = optimizer_of(learning_rate=0.2, final=0.1).learning_rate
    np.testing.assert_allclose([rate(0.0), rate(0.5), rate(1.0)], [0.2, 0.11, 0.02], rtol=1e-6)
    constant = falling(0.2, 1.0)
    np.testing.assert_allclose([constant(0.0), constant(0.7)], [0.2, 0.2], rtol=1e-6)


def test_plain_steps_go_along_the_gradient():
    optimizer = optimizer_of(name="sgd", learning_rate=0.5, final=0.0)
    expected = jax.tree.map(lambda p, g: p - 0.5 * g, PARAMS, GRADIENT)
    assert_close(moved(optimizer), expected)
    assert_close(moved(optimizer, progress=1.0), PARAMS)
    assert_close(moved(sgd(0.5)), expected)


@pytest.mark.parametrize("fields", [{}, {"b1": 0.5, "b2": 0.7, "eps": 0.1}])
def test_adam_is_that_of_optax(fields):
    """By default with the values of threestudio's recipes."""
    values = {"b1": 0.9, "b2": 0.99, "eps": 1e-15} | fields
    reference = optax.adam(0.25, **values)
    params, state = PARAMS, reference.init(PARAMS)
    for _ in range(3):
        change, state = reference.update(GRADIENT, state, params)
        params = optax.apply_updates(params, change)
    ours = optimizer_of(learning_rate=0.25, final=1.0, **fields)
    assert_close(moved(ours, steps=3), params)
    assert_close(moved(adam(0.25, **fields), steps=3), params)


def test_the_background_may_have_a_learning_rate_of_its_own():
    same, slower = (
        adam(0.1),
        optimizer_of(learning_rate=0.1, final=1.0, background_learning_rate=0.025),
    )
    one, other = moved(same, steps=2), moved(slower, steps=2)
    assert_close(other["field"], one["field"])
    step = lambda params: params["background"]["bias"] - PARAMS["background"]["bias"]  # noqa: E731
    np.testing.assert_allclose(step(other), 0.25 * step(one), rtol=1e-5)
