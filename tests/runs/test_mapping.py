"""One function for each particle or of all of them, on some devices, against plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.runs.mapping import all_particles, chosen_mapping, each_particle, over_particles
from sdjax.runs.placement import make_placement, usable_devices

pytestmark = pytest.mark.usefixtures("quick_compilation")

PARTICLES = 4
SHARED = jnp.asarray([[0.5, -1.0], [2.0, 0.25]])


def walk(matrix, steps, seed, particle):
    """A few noisy steps: two shared arguments, two of the particle's own, a tree as result."""

    def step(x, key):
        x = jnp.tanh(matrix @ x) + 0.1 * jax.random.normal(key, x.shape)
        return x, jnp.sum(x)

    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), seed), 3)
    x, sums = jax.lax.scan(step, particle["x"] + steps, keys)
    return {"x": x, "sums": sums}


@pytest.fixture(scope="module")
def own():
    x = jnp.linspace(-1.0, 1.0, PARTICLES * 2).reshape(PARTICLES, 2)
    return jnp.arange(PARTICLES), {"x": x}


@pytest.fixture(scope="module")
def one_by_one(own):
    compiled, steps = jax.jit(walk), jnp.float32(3.0)
    each = [jax.tree.map(lambda leaf: leaf[i], own) for i in range(PARTICLES)]  # noqa: B023
    alone = [compiled(SHARED, steps, *arguments) for arguments in each]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *alone)


@pytest.mark.slow
@pytest.mark.parametrize("mapping", ["map", "vmap"])
@pytest.mark.parametrize("devices", [1, 2, 3, 4])
def test_a_particle_is_the_same_wherever_it_runs(own, one_by_one, devices, mapping):
    run = over_particles(walk, 2, devices=devices, mapping=mapping)
    together = run(SHARED, jnp.float32(3.0), *own)
    run(SHARED, jnp.float32(3.0), own[0], {"x": together["x"]})  # results may be spread again
    assert together["x"].shape == (PARTICLES, 2) and together["sums"].shape == (PARTICLES, 3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), together, one_by_one)


def test_devices_share_the_particles(own):
    """Also where they share nothing else."""
    run = over_particles(lambda seed, particle: seed + particle["x"], 0, devices=4)
    together = run(*own)
    np.testing.assert_array_equal(together, own[0][:, None] + own[1]["x"])
    assert len(together.devices()) == 4


@pytest.mark.slow
@pytest.mark.parametrize("mapping", ["map", "vmap"])
def test_a_lone_particle_is_the_one_it_is_beside_others(own, mapping):
    """In the programs of several devices, whatever their number: bit for bit."""
    steps = jnp.float32(3.0)
    lone = jax.tree.map(lambda leaf: leaf[1:2], own)
    alone = over_particles(walk, 2, devices=usable_devices(1, 0), mapping=mapping)
    together = over_particles(walk, 2, devices=usable_devices(PARTICLES, 0), mapping=mapping)
    first, second = alone(SHARED, steps, *lone), together(SHARED, steps, *own)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[0], b[1]), first, second)


def test_by_itself_a_cpu_takes_one_particle_after_the_other(monkeypatch):
    assert chosen_mapping("auto") == "map"
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert (chosen_mapping("auto"), chosen_mapping("map")) == ("vmap", "map")


@pytest.mark.parametrize("mapping", ["map", "vmap"])
@pytest.mark.parametrize("donate", [False, True])
def test_the_memory_of_the_last_argument_may_be_taken(own, donate, mapping):
    placement = make_placement(PARTICLES, 2)
    move = lambda rate, seed, x: (rate * x + seed, seed)  # noqa: E731
    run = each_particle(move, placement, donate=donate, mapping=mapping)
    seeds, x = placement.spread(own[0]), placement.spread(own[1]["x"])
    expected = 2.0 * np.asarray(own[1]["x"]) + np.asarray(own[0])[:, None]
    result, rest = run((placement.place(jnp.float32(2.0)),), (seeds,), x)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(rest, np.asarray(own[0]))
    assert (x.is_deleted(), seeds.is_deleted()) == (donate, False)


def test_in_place_it_is_the_map():
    """Of leaves of several dtypes, with more particles than devices."""
    placement = make_placement(MANY, 2)
    move = lambda seed, last: ({"x": last["x"] + seed, "n": last["n"] + 1}, last["n"])  # noqa: E731
    seeds, last = OF_MANY[0], {**OF_MANY[1], "n": jnp.arange(MANY, dtype=jnp.int8)}
    found = []
    for donate in (False, True):
        run = each_particle(move, placement, donate=donate)
        after = run((), (placement.spread(seeds),), placement.spread(last))
        found.append(placement.trimmed(after))
    jax.tree.map(np.testing.assert_array_equal, *found)
    jax.tree.map(lambda a, b: np.testing.assert_equal(a.dtype, b.dtype), *found)


MANY = 5
OF_MANY = jnp.arange(MANY), {"x": jnp.linspace(-1.0, 2.0, MANY * 2).reshape(MANY, 2)}
everywhere = pytest.mark.parametrize("devices", [1, 2, 3, 8])
both_mappings = pytest.mark.parametrize("mapping", ["map", "vmap"])


def together(function, common, *, devices, mapping):
    """`all_particles` for arguments from anywhere; the results are the particles' alone."""
    placement = make_placement(MANY, devices)
    run = all_particles(function, placement, mapping=mapping)

    def call(*arguments):
        *own, last = placement.spread(arguments[common:])
        shared = placement.place(arguments[:common])
        each, all_ = run(shared, placement.weights, tuple(own), last)
        return placement.trimmed(each), all_

    return call


def learn(population, rate, steps, weight, seeds, particles):
    """Every step moves each particle by the shared weight, and that by the mean of a gradient."""

    def step(carry, _):
        x, weight = carry

        def one(seed, x):
            value = {"w": jnp.sin(x + seed), "count": jnp.ones(3)}
            return x + weight["w"], value, jnp.bool_(True)

        x, mean = population.each_and_mean(one, seeds, x)
        return (x, {"w": weight["w"] - rate * mean["w"]}), mean["count"]

    (x, weight), counts = jax.lax.scan(step, (particles["x"], weight), None, length=3)
    return {"x": x}, (weight, counts, steps)


def by_hand(rate, weight, seeds, particles):
    x, w = np.asarray(particles["x"]), np.asarray(weight)
    for _ in range(3):
        gradient = np.sin(x + np.asarray(seeds)[:, None]).mean(0)
        x, w = x + w, w - rate * gradient
    return x, w


@pytest.mark.slow
@everywhere
@both_mappings
def test_the_mean_is_over_all_particles_of_all_devices(devices, mapping):
    """A copy that fills up a device does not count."""
    run = together(learn, 3, devices=devices, mapping=mapping)
    common = jnp.float32(0.5), jnp.int32(3), {"w": jnp.asarray([0.1, -0.2])}
    each, (weight, counts, steps) = run(*common, *OF_MANY)
    expected, expected_weight = by_hand(0.5, common[2]["w"], *OF_MANY)
    np.testing.assert_allclose(each["x"], expected, atol=1e-5)
    np.testing.assert_allclose(weight["w"], expected_weight, atol=1e-6)
    np.testing.assert_allclose(counts, 1.0, rtol=1e-6)
    assert steps == 3
    # Results may be spread again.
    each, (weight, _, _) = run(*common[:2], weight, OF_MANY[0], each)
    expected, expected_weight = by_hand(0.5, expected_weight, OF_MANY[0], {"x": expected})
    np.testing.assert_allclose(weight["w"], expected_weight, atol=1e-5)


def look_around(population, seeds, particles):
    everyone, weights = population.gather((particles["x"], population.weights))

    def distance(x):
        return jnp.sum(weights * jnp.sum(jnp.abs(everyone - x[None]), axis=1))

    return population.each(distance, particles["x"]), everyone


@everywhere
@both_mappings
def test_every_particle_sees_all_others(devices, mapping):
    """And no copies; also where nothing else is shared."""
    distances, everyone = together(look_around, 0, devices=devices, mapping=mapping)(*OF_MANY)
    x = np.asarray(OF_MANY[1]["x"])
    np.testing.assert_allclose(distances, np.abs(x[:, None] - x[None]).sum((1, 2)), atol=1e-5)
    np.testing.assert_array_equal(everyone[:MANY], x)
    assert (np.asarray(everyone[MANY:]) == x[-1]).all()


@pytest.mark.slow
@both_mappings
@pytest.mark.parametrize("devices", [1, 2])
def test_what_does_not_count_is_no_part_of_the_mean(mapping, devices):
    """Though it is NaN; where nothing counts the mean is 0."""

    def mean(population, allowed, seeds):
        def one(seed):
            counts = seed < allowed
            return seed, jnp.where(counts, jnp.float32(seed), jnp.nan), counts

        return population.each_and_mean(one, seeds)

    run = together(mean, 1, devices=devices, mapping=mapping)
    for allowed in (3, 0):
        seeds, average = run(jnp.int32(allowed), jnp.arange(5))
        np.testing.assert_array_equal(seeds, np.arange(5))
        assert average == (1.0 if allowed else 0.0)


@pytest.mark.slow
@both_mappings
def test_a_program_is_compiled_once(mapping):
    calls = []

    def count(population, shared, seeds):
        calls.append(1)
        one = lambda seed: (seed + shared, jnp.float32(seed), jnp.bool_(True))  # noqa: E731
        return population.each_and_mean(one, seeds)

    run = together(count, 1, devices=2, mapping=mapping)
    for shared in range(3):
        run(jnp.int32(shared), OF_MANY[0])
    assert len(calls) == 1
