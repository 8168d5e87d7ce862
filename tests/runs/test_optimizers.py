"""How long a step is and where it goes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sdjax.config.kinds import made
from sdjax.runs.optimizers import OPTIMIZERS, adam, adamw, adan, falling, sgd
from sdjax.runs.schema import load_config, of_former_version

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


def moved(optimizer, steps=1, progress=0.0, gradient_at=lambda step: GRADIENT):
    """The parameters after some steps, by default along one gradient."""
    params, state = PARAMS, optimizer.direction.init(PARAMS)
    for step in range(steps):
        direction, state = optimizer.direction.update(gradient_at(step), state, params)
        rate = optimizer.learning_rate(jnp.float32(progress))
        params = jax.tree.map(lambda p, d: p - rate * d, params, direction)  # noqa: B023
    return params


def changing(step):
    """A gradient that is another at every step."""
    return jax.tree.map(lambda g: g * jnp.cos(2.0 * step) + 0.1 * step, GRADIENT)


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


@pytest.mark.parametrize("fields", [{}, {"b1": 0.5, "b2": 0.7, "eps": 0.1, "weight_decay": 0.2}])
def test_adamw_is_that_of_optax(fields):
    """By default with the values of threestudio's prolificdreamer."""
    values = {"b1": 0.9, "b2": 0.99, "eps": 1e-15, "weight_decay": 0.01} | fields
    reference = optax.adamw(0.25, **values)
    params, state = PARAMS, reference.init(PARAMS)
    for step in range(4):
        change, state = reference.update(changing(step), state, params)
        params = optax.apply_updates(params, change)
    ours = optimizer_of(name="adamw", learning_rate=0.25, final=1.0, **fields)
    assert_close(moved(ours, 4, gradient_at=changing), params)
    assert_close(moved(adamw(0.25, **fields), 4, gradient_at=changing), params)


def test_parameters_that_nothing_moves_decay_by_the_step_size_and_only_that():
    """p (1 - rate decay)^steps; the gradients' own size does not count, as it would if the decay
    were a part of the gradient (L2)."""
    still = lambda step: jax.tree.map(jnp.zeros_like, GRADIENT)  # noqa: E731
    for make in (adamw, adan):
        optimizer = make(0.5, weight_decay=0.1, eps=1e-8, final=0.2)
        for progress, factor in ((0.0, 0.95), (1.0, 0.99)):
            expected = jax.tree.map(lambda p, f=factor: p * f**3, PARAMS)
            assert_close(moved(optimizer, 3, progress, still), expected)
        one = moved(optimizer, 1)
        large = moved(
            optimizer, 1, gradient_at=lambda step: jax.tree.map(lambda g: g * 100, GRADIENT)
        )
        assert_close(one, large)


def adan_in_numpy(params, steps, rate, b1=0.98, b2=0.92, b3=0.99, eps=1e-8, decay=2e-5):
    """One leaf after some steps as sail-sg/Adan's adan.py takes them with `no_prox`, in float64."""
    params, before = np.asarray(params, np.float64), None
    m, v, n = (np.zeros_like(params) for _ in range(3))
    for step, gradient in enumerate(np.asarray(steps, np.float64), start=1):
        change = np.zeros_like(gradient) if before is None else gradient - before
        before = gradient
        m = b1 * m + (1 - b1) * gradient
        v = b2 * v + (1 - b2) * change
        n = b3 * n + (1 - b3) * (gradient + b2 * change) ** 2
        root = np.sqrt(n) / np.sqrt(1 - b3**step) + eps
        params = params * (1 - rate * decay)
        params = params - rate / (1 - b1**step) * m / root
        params = params - rate * b2 / (1 - b2**step) * v / root
    return params


@pytest.mark.parametrize(
    "fields", [{}, {"b1": 0.5, "b2": 0.7, "b3": 0.6, "eps": 0.1, "weight_decay": 0.2}]
)
def test_adan_is_that_of_its_authors(fields):
    """By default with the paper's decays, and threestudio's weight decay."""
    names = {"weight_decay": "decay"}
    values = {names.get(name, name): value for name, value in fields.items()}
    ours = optimizer_of(name="adan", learning_rate=0.25, final=1.0, **fields)
    for optimizer in (ours, adan(0.25, **fields)):
        params = moved(optimizer, 6, gradient_at=changing)
        for part, name in (("field", "grid"), ("background", "bias")):
            steps = [changing(step)[part][name] for step in range(6)]
            expected = adan_in_numpy(PARAMS[part][name], steps, 0.25, **values)
            np.testing.assert_allclose(params[part][name], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("make", [adamw, adan])
def test_a_background_of_its_own_learning_rate_decays_by_that(make):
    """As a group of parameters of its own does in PyTorch."""
    slower = make(0.1, background_learning_rate=0.025, weight_decay=0.3)
    own = moved(make(0.025, weight_decay=0.3), 4, gradient_at=changing)
    assert_close(moved(slower, 4, gradient_at=changing)["background"], own["background"])
    same = moved(make(0.1, weight_decay=0.3), 4, gradient_at=changing)
    assert_close(moved(slower, 4, gradient_at=changing)["field"], same["field"])


def test_a_stored_configuration_with_adam_is_what_it_was():
    """Its table, and the state that a checkpoint has of it."""
    fields = {"name", "learning_rate", "background_learning_rate", "final", "b1", "b2", "eps"}
    stored = {"name": "adam", "learning_rate": 0.1, "background_learning_rate": None, "final": 0.5}
    table = stored | {"b1": 0.9, "b2": 0.99, "eps": 1e-15}
    assert of_former_version({"optimizer": table}).optimizer.to_dict() == table
    assert set(load_config("demo").optimizer) == fields
    state = optax.scale_by_adam().init(PARAMS)
    assert jax.tree.structure(adam().direction.init(PARAMS)) == jax.tree.structure(state)
    mask = {"field": {"grid": False}, "background": {"bias": True}}
    masked = optax.chain(optax.scale_by_adam(), optax.masked(optax.scale(1.0), mask)).init(PARAMS)
    own = adam(background_learning_rate=0.1).direction.init(PARAMS)
    assert jax.tree.structure(own) == jax.tree.structure(masked)
