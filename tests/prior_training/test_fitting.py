"""The loop of training: it minimises, and a stop or other devices change nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.prior_training.fitting import Plan, State, fit, make_optimizer
from sdjax.runs.checkpoints import Checkpoints

PLAN = Plan(12, 8, 0.1, 2, 0.0, 0.5, 10.0, 2, 4)
START = {"kernel": np.float32([[1.0, -2.0], [0.5, 3.0]]), "bias": np.zeros(2, np.float32)}
TRUTH = np.float32([[0.3, -0.1], [0.2, 0.5]])


def loss(params, x, y, key):
    """Mean squared error of a linear map, with a little noise."""
    noise = 0.01 * jax.random.normal(key, y.shape)
    error = x @ params["kernel"] + params["bias"][None] + noise - y
    return jnp.mean(error**2), {"size": jnp.mean(x**2)}


def batches(generator):
    x = np.float32(generator.normal(size=(PLAN.batch, 2)))
    return x, x @ TRUTH + np.float32([0.5, -1.0])


def fitted(folder, loss=loss, batches=batches, report=lambda _: None, **changes):
    arguments = {"params": START, "plan": PLAN, "seed": (0, 1)} | changes
    with Checkpoints(folder) as checkpoints:
        return fit(loss, batches=batches, checkpoints=checkpoints, report=report, **arguments)


def saved_in(folder):
    """The step of the last checkpoint, and the checkpoint."""
    template = State(START, START, make_optimizer(PLAN).init(START))
    with Checkpoints(folder) as checkpoints:
        return checkpoints.restore_latest(lambda _: template)


def assert_same(one, other, tolerance=0.0):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for leaf, expected in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What an uninterrupted run gives, with its reports."""
    reports = []
    params = fitted(tmp_path_factory.mktemp("whole"), report=reports.append)
    return params, reports


@pytest.mark.slow
def test_it_converges(tmp_path):
    plan = PLAN._replace(steps=300, checkpoint_every=300, chunk=100)
    params = fitted(tmp_path, plan=plan)
    np.testing.assert_allclose(params["kernel"], TRUTH, atol=0.02)
    np.testing.assert_allclose(params["bias"], [0.5, -1.0], atol=0.02)


@pytest.mark.slow
def test_reports_are_of_chunks_and_say_what_is_saved(whole):
    _, reports = whole
    assert [report.step for report in reports] == [2, 4, 6, 8, 10, 12]
    assert [report.saved for report in reports] == [False, True, False, True, False, True]
    assert all(set(report.terms) == {"loss", "size"} for report in reports)
    assert reports[-1].terms["loss"] < reports[0].terms["loss"]


def test_checkpoints_are_as_frequent_as_asked_whatever_the_chunk(tmp_path):
    """At the end of the chunk in which one is due."""
    reports = []
    fitted(tmp_path, plan=PLAN._replace(chunk=3, checkpoint_every=4), report=reports.append)
    saved = [(report.step, report.saved) for report in reports]
    assert saved == [(3, False), (6, True), (9, True), (12, True)]


def test_terms_are_means_over_the_chunk(whole):
    expected = [
        np.mean([np.mean(batches(np.random.default_rng([0, 1, step]))[0] ** 2) for step in chunk])
        for chunk in ((0, 1), (2, 3))
    ]
    np.testing.assert_allclose(
        [report.terms["size"] for report in whole[1][:2]], expected, rtol=1e-5
    )


def test_the_result_is_the_average_of_the_last_state(whole, tmp_path):
    params, reports = whole
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(params))
    states = []
    fitted(tmp_path, report=lambda report: states.append(jax.tree.map(np.array, report.state)))
    assert_same(states[-1].average, params)
    assert np.abs(states[-1].average["kernel"] - states[-1].params["kernel"]).max() > 1e-3
    assert len(reports) == len(states)


@pytest.mark.slow
def test_averages_follow_their_recursion(tmp_path):
    """The weight of the past rises as (1 + step) / (10 + step) and stays at the plan's."""
    states = []
    plan = PLAN._replace(chunk=1, average=0.3)
    fitted(
        tmp_path,
        plan=plan,
        report=lambda report: states.append(jax.tree.map(np.array, report.state)),
    )
    average = START["kernel"]
    for step, state in enumerate(states):
        keeps = min(0.3, (1 + step) / (10 + step))
        average = keeps * average + (1 - keeps) * state.params["kernel"]
        np.testing.assert_allclose(state.average["kernel"], average, rtol=1e-5)


class StopError(Exception):
    """In place of a kill."""


@pytest.mark.parametrize("stop", [2, 4, 6, 10])
def test_a_resumed_run_ends_with_the_same_bits(whole, tmp_path, stop):
    """Between checkpoints, before the first of them, or right after one."""
    asked = []

    def stopping(report):
        if report.step == stop:
            raise StopError

    def watched(generator):
        asked.append(generator)
        return batches(generator)

    with pytest.raises(StopError):
        fitted(tmp_path, report=stopping)
    reports = []
    params = fitted(tmp_path, batches=watched, report=reports.append)
    assert_same(params, whole[0])
    saved = stop // 4 * 4
    assert len(asked) == 12 - saved and reports[0].step == saved + 2
    assert [report.terms for report in reports] == [r.terms for r in whole[1][-len(reports) :]]


def test_a_finished_run_computes_nothing(tmp_path):
    params = fitted(tmp_path)

    def refuse(*_):
        raise AssertionError("a batch or a report was asked for")

    assert_same(fitted(tmp_path, batches=refuse, report=refuse), params)


def test_the_seed_says_what_is_drawn(whole, tmp_path):
    other = fitted(tmp_path, seed=(0, 2))
    assert np.abs(other["kernel"] - whole[0]["kernel"]).max() > 1e-4


def test_the_given_parameters_stay(whole):
    np.testing.assert_array_equal(START["bias"], 0.0)
    np.testing.assert_array_equal(START["kernel"], np.float32([[1.0, -2.0], [0.5, 3.0]]))


def test_jax_arrays_as_start_are_not_donated(tmp_path):
    start = jax.tree.map(jnp.asarray, START)
    fitted(tmp_path, params=start)
    assert_same(start, START)


@pytest.mark.parametrize("devices", [1, 2])
def test_the_number_of_devices_does_not_matter(monkeypatch, whole, tmp_path, devices):
    assert jax.device_count() == 8
    monkeypatch.setattr(jax, "device_count", lambda: devices)
    places = []
    params = fitted(
        tmp_path, report=lambda report: places.append(report.state.params["bias"].devices())
    )
    assert len(places[0]) == devices
    assert_same(params, whole[0], 1e-6)


def test_a_batch_lies_on_all_devices(tmp_path):
    shardings = []

    def watching(params, x, y, key):
        jax.debug.inspect_array_sharding(x, callback=shardings.append)
        return loss(params, x, y, key)

    fitted(tmp_path, watching, plan=PLAN._replace(steps=1))
    assert shardings[0].shard_shape((8, 2)) == (1, 2)


@pytest.mark.parametrize(("batch", "devices"), [(3, 1), (12, 4), (16, 8)])
def test_a_batch_lies_on_as_many_devices_as_divide_it(tmp_path, batch, devices):
    places = []
    plan, watch = PLAN._replace(batch=batch, steps=1), lambda report: places.append(report.state)
    fitted(tmp_path, plan=plan, report=watch)
    assert len(places[0].params["bias"].devices()) == devices


def bad_from(step):
    """Batches with a number that is none, from a step on."""
    calls = iter(range(100))

    def draw(generator):
        x, y = batches(generator)
        return (np.full_like(x, np.nan), y) if next(calls) >= step else (x, y)

    return draw


def test_a_loss_that_is_no_number_is_a_sentence_and_the_checkpoint_stays(tmp_path):
    with pytest.raises(UserError, match="the loss is nan within the steps up to 6;"):
        fitted(tmp_path, batches=bad_from(5))
    step, state = saved_in(tmp_path)
    assert step == 4
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


@pytest.mark.slow
def test_a_gradient_that_is_no_number_is_not_saved(whole, tmp_path):
    """The loss of that step is finite still: at 0, the root has no slope."""

    def rooted(params, x, y, key):
        value, terms = loss(params, x, y, key)
        return value + jnp.sum(jnp.sqrt(x[:, 0] ** 2 * jnp.sum(params["bias"] ** 2))), terms

    def zero_at_the_fourth(generator):
        x, y = batches(generator)
        return (0 * x, y) if next(calls) == 3 else (x, y)

    calls = iter(range(100))
    start = {**START, "bias": np.ones(2, np.float32)}
    with pytest.raises(UserError, match="a gradient within"):
        fitted(tmp_path, rooted, batches=zero_at_the_fourth, params=start)
    assert saved_in(tmp_path) is None


def optimised(plan, gradient, params=START):
    """The parameters after one step of the optimiser past its warm-up."""
    optimizer = make_optimizer(plan)
    state = optimizer.init(params)
    for _ in range(plan.warmup + 1):
        updates, state = optimizer.update(gradient, state, params)
    return jax.tree.map(lambda leaf, update: leaf + update, params, updates)


@pytest.mark.slow
def test_kernels_decay_and_vectors_do_not():
    ones = {"kernel": np.ones((2, 2), np.float32), "bias": np.ones(2, np.float32)}
    after = optimised(PLAN._replace(weight_decay=0.1), jax.tree.map(np.zeros_like, ones), ones)
    np.testing.assert_allclose(after["kernel"], 1 - 0.1 * PLAN.learning_rate, rtol=1e-5)
    np.testing.assert_allclose(after["bias"], 1.0)


def test_the_rate_rises_and_falls():
    """Adam's steps have the size of the rate where the gradient is always the same."""
    plan = PLAN._replace(steps=40, warmup=10)
    optimizer, gradient = make_optimizer(plan), jax.tree.map(np.ones_like, START)
    state, sizes = optimizer.init(START), []
    for _ in range(41):
        updates, state = optimizer.update(gradient, state, START)
        sizes.append(-float(updates["bias"][0]))
    assert sizes[0] == 0.0
    np.testing.assert_allclose(sizes[:11], 0.1 * np.arange(11) / 10, rtol=1e-3, atol=1e-6)
    assert all(np.diff(sizes[10:]) < 0)
    np.testing.assert_allclose(sizes[40], 0.0, atol=1e-6)


@pytest.mark.slow
def test_muon_turns_kernels_and_leaves_the_rest_to_adam():
    """Of a kernel's gradient only the singular vectors count, so the step's singular values are
    alike; its root mean square is 0.2 of the rate, as AdamW's is; all else moves by a tenth."""
    plan = PLAN._replace(optimizer="muon", warmup=0, weight_decay=0.0, clip=1e9, steps=1000)
    rng = np.random.default_rng(0)
    gradient = rng.normal(size=(3, 3, 4, 8)) * np.geomspace(0.3, 3.0, 8)
    params = {
        "conv": {"kernel": np.ones((3, 3, 4, 8)), "bias": np.zeros(8)},
        "embedding": np.ones((5, 2)),
    }
    gradients = {"conv": {"kernel": gradient, "bias": np.ones(8)}, "embedding": np.ones((5, 2))}
    params, gradients = jax.tree.map(np.float32, (params, gradients))
    optimizer = make_optimizer(plan)
    steps, _ = optimizer.update(gradients, optimizer.init(params), params)
    turned = np.asarray(steps["conv"]["kernel"]).reshape(36, 8)
    values = np.linalg.svd(turned, compute_uv=False)
    assert values.max() < 2.0 * values.min()
    np.testing.assert_allclose(np.sqrt((turned**2).mean()), 0.2 * plan.learning_rate, rtol=0.2)
    first = 1.0 + 0.9 * 0.1 / (1.0 - 0.9**2)  # of Nesterov's momentum
    for rest in (steps["conv"]["bias"], steps["embedding"]):
        np.testing.assert_allclose(rest, -0.1 * plan.learning_rate * first, rtol=1e-3)


@pytest.mark.parametrize(("steps", "warmup"), [(0, 0), (1, 0), (3, 10), (10, 10)])
def test_any_warm_up_gives_finite_rates(steps, warmup):
    after = optimised(PLAN._replace(steps=steps, warmup=warmup), jax.tree.map(np.ones_like, START))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after))


def test_large_gradients_are_clipped_together():
    """All by one factor, so that their direction stays."""
    gradient = {"kernel": np.full((2, 2), 30.0, np.float32), "bias": np.full(2, 40.0, np.float32)}
    optimizer = make_optimizer(PLAN._replace(clip=1.0))
    _, state = optimizer.update(gradient, optimizer.init(START), START)
    moment = state[1][0].mu
    scale = 0.1 / np.sqrt(4 * 30.0**2 + 2 * 40.0**2)
    np.testing.assert_allclose(moment["kernel"], 30 * scale, rtol=1e-5)
    np.testing.assert_allclose(moment["bias"], 40 * scale, rtol=1e-5)
