"""A run on 1, 4 and 8 devices: the same particles, checkpoints that know no devices, memory."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.priors.stable_diffusion import Precision, load
from sdjax.runs import build, loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.mapping import each_particle
from sdjax.runs.placement import make_placement
from sdjax.runs.run import open_run
from tests.reference import FOLDER
from tests.runs.small_pictures import learning, sharing, stored

pytestmark = pytest.mark.usefixtures("quick_compilation")
SEEDS = 6  # not a multiple of the devices: some hold a copy
MAKE_RULE = build.make_rule
TINY = FOLDER / "tiny" / "sd1_tiny"


@pytest.fixture(autouse=True)
def rule(monkeypatch, tmp_path):
    monkeypatch.setattr("sdjax.runs.build.make_rule", learning)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def train(config, folder, look=lambda chunk: None):
    run = open_run(config)
    with Checkpoints(folder) as checkpoints:
        return loop.train(run, checkpoints, *loop.restore(run, checkpoints), look)


def assert_close(actual, expected, atol):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol), actual, expected)


@pytest.mark.slow
def test_checkpoints_of_four_devices_go_on_with_one_and_with_eight(tmp_path):
    """The programs of other numbers of devices differ by rounding; what was stored does not."""
    configs = {n: sharing(seeds=SEEDS, **{"run.devices": n}) for n in (1, 4, 8)}
    whole = train(configs[4], tmp_path / "4")
    assert whole.params["image"].shape == (SEEDS, 8, 8, 3)
    shutil.rmtree(tmp_path / "4" / "4")
    step, half = stored(configs[4], tmp_path / "4")
    assert step == 2
    for devices in (1, 8):
        copy = shutil.copytree(tmp_path / "4", tmp_path / str(devices))
        there = stored(configs[devices], copy)
        jax.tree.map(np.testing.assert_array_equal, there, (2, half))
        resumed = train(configs[devices], copy)
        compare = resumed.params, resumed.shared
        assert_close(compare, (whole.params, whole.shared), 1e-5)
        assert len(open_run(configs[devices]).placement.mesh.devices) == devices


@pytest.mark.slow
def test_the_memory_of_particles_is_used_again(tmp_path):
    """Those of a chunk are gone when the next one is there, and the host could look at each."""
    seen, alive = [], []

    def look(chunk):
        np.asarray(chunk.particles.params["image"])
        alive.append([c.particles.params["image"].is_deleted() for c in seen])
        seen.append(chunk)

    train(sharing(seeds=4, **{"run.devices": 4, "stages.steps": (6,)}), tmp_path, look)
    assert alive == [[], [True], [True, True]]


@pytest.fixture(scope="module")
def prior():
    return load(TINY, image_size=16, precision=Precision(unet=jnp.float32))


@pytest.mark.slow
@pytest.mark.parametrize("mapping", ["map", pytest.param("vmap", marks=pytest.mark.long)])
def test_weights_in_parts_predict_the_same(prior, mapping):
    """4 parts beside 2 places for particles: every device holds a fourth of the bytes, but for
    what has one axis only."""
    context = jnp.zeros((1, 77, prior.unet.config.cross_attention_dim))
    x = jax.random.normal(jax.random.key(0), (4, 1, *prior.latent_shape(16)))

    def predict(prior, context, x):
        return prior.predict_noise(x, jnp.int32(500), context)

    results = {}
    for devices, shards in ((1, 1), (8, 4)):
        placement = make_placement(4, devices, shards)
        placed = placement.place_weights(prior)
        run = each_particle(predict, placement, mapping=mapping)
        results[shards] = run((placed, placement.place(context)), (), placement.spread(x))
    np.testing.assert_allclose(results[4], results[1], atol=2e-5)
    assert np.abs(results[1]).max() > 0.1
    held, total = np.zeros(8), sum(leaf.nbytes for leaf in jax.tree.leaves(placed))
    for leaf in jax.tree.leaves(placed):
        for part in leaf.addressable_shards:
            held[part.device.id] += part.data.nbytes
    assert (held == held[0]).all() and 1 / 4 <= held[0] / total < 1.05 / 4


@pytest.mark.long
@pytest.mark.parametrize("rule_name", ["sds", "dsd"])
def test_a_run_with_weights_in_parts_is_the_same(rule_name, tmp_path, monkeypatch):
    """To the rounding of sums that are made in parts; DSD's ODE and its scale enlarge it."""
    from tests.test_stable_diffusion_runs import FLAT, config_of

    monkeypatch.setattr("sdjax.runs.build.make_rule", MAKE_RULE)
    images = {}
    for devices, shards in ((1, 1), (4, 2), (8, 4)):
        placing = {"run.devices": devices, "run.weight_shards": shards}
        placing["prior.dtype"] = "float32"
        config = config_of(f"stable_diffusion_2d:{rule_name}", "sd1_tiny", FLAT | placing)
        latents = train(config, tmp_path / str(shards)).params["latents"]
        images[shards] = np.asarray(latents)
    size = np.abs(images[1]).max()
    for shards in (2, 4):
        difference = np.abs(images[shards] - images[1]).max()
        print(f"{rule_name}, {shards} parts: {difference:.2g} of {size:.2g}")
        assert difference < 5e-5 * size
