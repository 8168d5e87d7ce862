"""Particles together in `map`, `vmap` and `pmap` against plain sums over all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.runs.crowd import over_crowd
from sdjax.runs.placement import make_placement

pytestmark = pytest.mark.usefixtures("quick_compilation")

PARTICLES = 5
OWN = jnp.arange(PARTICLES), {"x": jnp.linspace(-1.0, 2.0, PARTICLES * 2).reshape(PARTICLES, 2)}
everywhere = pytest.mark.parametrize("devices", [1, 2, 3, 8])
both_mappings = pytest.mark.parametrize("mapping", ["map", "vmap"])


def together(function, common, *, devices, mapping):
    """`over_crowd` for arguments from anywhere; the results are the particles' alone."""
    placement = make_placement(PARTICLES, devices)
    run = over_crowd(function, common, placement, mapping=mapping)

    def call(*arguments):
        own = placement.spread(arguments[common:])
        each, all_ = run(*placement.place(arguments[:common]), *own)
        return placement.trimmed(each), all_

    return call


def learn(crowd, rate, steps, weight, seeds, particles):
    """Every step moves each particle by the shared weight, and that by the mean of a gradient."""

    def step(carry, _):
        x, weight = carry

        def one(seed, x):
            return x + weight["w"], {"w": jnp.sin(x + seed), "count": jnp.ones(3)}

        x, mean = crowd.each_and_mean(one, seeds, x)
        return (x, {"w": weight["w"] - rate * mean["w"]}), mean["count"]

    (x, weight), counts = jax.lax.scan(step, (particles["x"], weight), None, length=3)
    return {"x": x}, (weight, counts, steps)


def by_hand(rate, weight, seeds, particles):
    x, w = np.asarray(particles["x"]), np.asarray(weight)
    for _ in range(3):
        gradient = np.sin(x + np.asarray(seeds)[:, None]).mean(0)
        x, w = x + w, w - rate * gradient
    return x, w


@everywhere
@both_mappings
def test_the_mean_is_over_all_particles_of_all_devices(devices, mapping):
    """A copy that fills up a device does not count."""
    run = together(learn, 3, devices=devices, mapping=mapping)
    common = jnp.float32(0.5), jnp.int32(3), {"w": jnp.asarray([0.1, -0.2])}
    each, (weight, counts, steps) = run(*common, *OWN)
    expected, expected_weight = by_hand(0.5, common[2]["w"], *OWN)
    np.testing.assert_allclose(each["x"], expected, atol=1e-5)
    np.testing.assert_allclose(weight["w"], expected_weight, atol=1e-6)
    np.testing.assert_allclose(counts, 1.0, rtol=1e-6)
    assert steps == 3
    each, (weight, _, _) = run(*common[:2], weight, OWN[0], each)  # results may be spread again
    expected, expected_weight = by_hand(0.5, expected_weight, OWN[0], {"x": expected})
    np.testing.assert_allclose(weight["w"], expected_weight, atol=1e-5)


def look_around(crowd, seeds, particles):
    everyone, weights = crowd.gather((particles["x"], crowd.weights))

    def distance(x):
        return jnp.sum(weights * jnp.sum(jnp.abs(everyone - x[None]), axis=1))

    return crowd.each(distance, particles["x"]), everyone


@everywhere
@both_mappings
def test_every_particle_sees_all_others(devices, mapping):
    """And no copies; also where nothing else is shared."""
    distances, everyone = together(look_around, 0, devices=devices, mapping=mapping)(*OWN)
    x = np.asarray(OWN[1]["x"])
    np.testing.assert_allclose(distances, np.abs(x[:, None] - x[None]).sum((1, 2)), atol=1e-5)
    np.testing.assert_array_equal(everyone[:PARTICLES], x)
    assert (np.asarray(everyone[PARTICLES:]) == x[-1]).all()


@both_mappings
def test_a_program_is_compiled_once(mapping):
    calls = []

    def count(crowd, shared, seeds):
        calls.append(1)
        return crowd.each_and_mean(lambda seed: (seed + shared, jnp.float32(seed)), seeds)

    run = together(count, 1, devices=2, mapping=mapping)
    for shared in range(3):
        run(jnp.int32(shared), OWN[0])
    assert len(calls) == 1
