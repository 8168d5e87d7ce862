"""Particles in `map`, `vmap` and `pmap` against a plain loop over them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.runs.mapping import chosen_mapping, over_particles, usable_devices

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


@pytest.mark.parametrize(
    ("particles", "devices", "used"),
    [(64, 0, 8), (6, 0, 6), (9, 0, 8), (1, 0, 2), (4, 1, 1), (3, 2, 2), (16, 8, 8)],
)
def test_usable_devices(particles, devices, used):
    assert usable_devices(particles, devices) == used


def test_more_devices_than_there_are_are_refused():
    with pytest.raises(ValueError, match="9 devices were asked for, but there are 8"):
        usable_devices(16, 9)


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
