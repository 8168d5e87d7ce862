"""A seed that becomes NaN stays at its last good state; the others go on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.runs import build, loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.failures import NonFiniteError, Told, failures, without_failures
from sdjax.runs.freezing import Failure, no_failure, settled, term_names, updated
from sdjax.runs.optimizers import OPTIMIZERS
from sdjax.runs.particle import Particle
from sdjax.runs.run import open_run
from tests.runs.small_pictures import learning, pictures, sharing

SEEDS = {"seeds": 3, "stages.steps": (6,), "run.devices": 1}
RULES = pytest.mark.parametrize("rule", ["alone", "shared"])


def trained(folder, rule, poison=None, **settings):
    """The run and its population at the end; `poison` changes what the checkpoint of step 2 has."""
    config = (pictures if rule == "alone" else sharing)(**SEEDS | settings)
    with pytest.MonkeyPatch.context() as patch, Checkpoints(folder) as checkpoints:
        if rule == "shared":
            patch.setattr(build, "make_rule", learning)
        run = open_run(config)

        def stop(chunk):
            if chunk.step == 2 and poison is not None:
                raise InterruptedError

        try:
            return run, loop.train(run, checkpoints, on_chunk=stop)
        except InterruptedError:
            checkpoints.wait()
            step, population = loop.restore(run, checkpoints)
            return run, loop.train(run, checkpoints, step, poison(population))


def second_seed(tree):
    """NaN in the second of the particles."""
    return jax.tree.map(lambda leaf: np.where(row(leaf) == 1, leaf * np.nan, leaf), tree)


def row(leaf):
    return np.arange(len(leaf)).reshape(-1, *[1] * (leaf.ndim - 1))


def poisoned_moments(population):
    """So that the next step of the optimiser is NaN."""
    floats = lambda leaf: np.issubdtype(leaf.dtype, np.floating)  # noqa: E731
    spoil = lambda leaf: second_seed(leaf) if floats(leaf) else leaf  # noqa: E731
    return population._replace(optimizer_state=jax.tree.map(spoil, population.optimizer_state))


@RULES
def test_it_stays_at_its_last_good_state_and_the_others_go_on(tmp_path, rule):
    run, population = trained(tmp_path / "poisoned", rule, poisoned_moments)
    assert failures(run, population) == [Told(1, 2, "parameters")]
    _, whole = trained(tmp_path / "whole", rule)
    _, before = trained(tmp_path / "short", rule, **{"stages.steps": (2,)})
    for ours, good, early in zip(
        *map(jax.tree.leaves, (population.params, whole.params, before.params)), strict=True
    ):
        assert np.isfinite(ours).all()
        if rule == "alone":
            np.testing.assert_array_equal(np.asarray(ours)[[0, 2]], np.asarray(good)[[0, 2]])
        else:
            assert not np.array_equal(np.asarray(ours)[[0, 2]], np.asarray(early)[[0, 2]])
        np.testing.assert_array_equal(np.asarray(ours)[1], np.asarray(early)[1])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(population.shared))


def test_the_rest_is_a_run_of_its_own(tmp_path):
    run, population = trained(tmp_path, "alone", poisoned_moments)
    rest, particles, told = without_failures(run, population)
    assert rest.seeds.tolist() == [0, 2] and rest.placement.particles == 2
    assert [one.seed for one in told] == [1]
    jax.tree.map(
        lambda kept, all_: np.testing.assert_array_equal(kept, np.asarray(all_)[[0, 2]]),
        particles.params,
        population.params,
    )


def test_a_run_may_stop_instead(tmp_path):
    with pytest.raises(NonFiniteError, match=r"seed 1 at step 2 \(parameters\) became infinite"):
        trained(tmp_path, "alone", poisoned_moments, **{"run.on_nonfinite": "stop"})


def test_a_run_whose_last_seed_stops_ends(tmp_path):
    everything = lambda population: population._replace(  # noqa: E731
        params=jax.tree.map(lambda leaf: leaf * np.nan, population.params)
    )
    with pytest.raises(NonFiniteError, match="and so did all others; the checkpoints before"):
        trained(tmp_path, "alone", everything)


def nan_params(population):
    return population._replace(params=second_seed(population.params))


def test_particles_that_see_each_other_do_not_see_one_that_stops(tmp_path):
    run, population = trained(tmp_path, "exact", nan_params)
    assert [(one.seed, one.term) for one in failures(run, population)] == [(1, "guidance")]
    for leaf in jax.tree.leaves(population.params):
        assert np.isfinite(np.asarray(leaf)[[0, 2]]).all()


def particle(value, failure=None):
    params = {"x": jnp.full(3, value)}
    return Particle(params, (jnp.float32(value),), jnp.int32(value), failure or no_failure())


def to(params):
    """A step there, whatever the gradient is."""
    return lambda before, gradient: particle(2.0, before.failure)._replace(params={"x": params})


@pytest.mark.parametrize("vmap", [False, True])
@pytest.mark.parametrize("bad", [jnp.nan, jnp.inf, -jnp.inf])
@pytest.mark.parametrize("place", range(3))
def test_the_first_term_that_is_not_finite_is_named(bad, place, vmap):
    terms = [jnp.float32(1.0), {"g": jnp.ones((2, 2))}, jnp.full(3, 2.0)]
    spoiled = [jax.tree.map(lambda leaf: leaf * bad + bad, term) for term in terms]

    def settle(before, loss, gradient, params):
        return settled(before, to(params), [jnp.float32(1.0), loss], gradient, jnp.int32(7))

    given = (particle(1.0), *terms[:place], *spoiled[place:])
    if vmap:
        both = jax.tree.map(lambda *leaves: jnp.stack(leaves), given, (particle(1.0), *terms))
        after, other = (
            jax.tree.map(lambda leaf, i=i: leaf[i], jax.vmap(settle)(*both)) for i in range(2)
        )
        assert other.failure.is_none and other.rule_state == 2
        np.testing.assert_array_equal(other.params["x"], 2.0)
    else:
        after = settle(*given)
    assert (int(after.failure.step), int(after.failure.term)) == (7, 1 + place)
    np.testing.assert_array_equal(after.params["x"], 1.0)
    assert after.rule_state == 1


def test_a_good_step_is_taken_and_a_stopped_particle_stays():
    step = to(jnp.full(3, 2.0)), [jnp.float32(1.0)], jnp.ones(2), jnp.int32(7)
    good = settled(particle(1.0), *step)
    assert good.failure.is_none
    np.testing.assert_array_equal(good.params["x"], 2.0)
    after = settled(particle(1.0, Failure(jnp.int32(3), jnp.int32(1))), *step)
    np.testing.assert_array_equal(after.params["x"], 1.0)
    assert (int(after.failure.step), int(after.failure.term)) == (3, 1)


@pytest.mark.parametrize("bad", [jnp.nan, jnp.inf, -jnp.inf])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("steps", [0, 2])
def test_no_optimiser_makes_finite_params_of_another_gradient(name, bad, steps):
    optimizer, params = OPTIMIZERS[name].make().direction, {"field": jnp.ones(2)}
    state = optimizer.init(params)
    for _ in range(steps):
        _, state = optimizer.update({"field": jnp.ones(2)}, state, params)
    direction, _ = optimizer.update({"field": jnp.full(2, bad)}, state, params)
    assert not np.isfinite(direction["field"]).any()


def test_terms_have_names_in_their_order():
    names = term_names(["opaque", "sparsity"])
    assert names[:3] == ("guidance", "opaque", "sparsity")
    learned = updated(no_failure(), [jnp.nan * jnp.ones(1)], jnp.int32(5), len(names) - 1)
    assert names[int(learned.term)] == "learning"
