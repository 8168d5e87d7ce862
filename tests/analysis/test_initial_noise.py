"""Noise in other places, and what becomes of it where the data are symmetric."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.analysis.initial_noise import (
    ddim_result,
    differences,
    flipped_left_right,
    flipped_upside_down,
    patch_sources,
    rearranged,
    rule_result,
    shuffled,
    starting_rearranged,
    unchanged,
)
from sdjax.diffusion.annealing import linear
from sdjax.rules.sds import sds
from sdjax.runs.sampling import Sampling
from tests import tiny
from tests.analysis import small

pytestmark = pytest.mark.usefixtures("quick_compilation")
NOISE = jax.random.normal(jax.random.key(0), (2, 4, 6, 3))
SEED = jnp.int32(3)


def test_flips():
    moved = rearranged(NOISE, flipped_left_right(4, 6))
    np.testing.assert_array_equal(moved, NOISE[:, :, ::-1])
    np.testing.assert_array_equal(rearranged(NOISE, flipped_upside_down(4, 6)), NOISE[:, ::-1])
    np.testing.assert_array_equal(rearranged(NOISE[0], unchanged(4, 6)), NOISE[0])


@pytest.mark.parametrize(("height", "width", "patches"), [(4, 6, 2), (9, 9, 3), (8, 8, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_shuffling_moves_every_patch_as_a_whole(height, width, patches, seed):
    kind = shuffled(height, width, patches, seed)
    assert sorted(kind.ravel().tolist()) == list(range(height * width))
    rows, columns = height // patches, width // patches
    numbers = unchanged(height, width)
    sources = patch_sources(kind, patches)
    assert (sources.ravel() != np.arange(patches**2)).all()
    for place, source in enumerate(sources.ravel()):
        (i, j), (k, m) = divmod(place, patches), divmod(int(source), patches)
        here = kind[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
        there = numbers[k * rows : (k + 1) * rows, m * columns : (m + 1) * columns]
        np.testing.assert_array_equal(here, there)


def test_sources_of_flips():
    np.testing.assert_array_equal(patch_sources(flipped_left_right(4, 6), 2), [[1, 0], [3, 2]])
    np.testing.assert_array_equal(patch_sources(flipped_upside_down(4, 6), 2), [[2, 3], [0, 1]])


@pytest.mark.parametrize("patches", [1, 3, 5])
def test_patches_must_divide_the_picture(patches):
    with pytest.raises(
        ValueError, match=f"patches is {patches}, expected a divisor of the latents"
    ):
        shuffled(8, 8, patches, 0)


@pytest.fixture(scope="module")
def results():
    """Images [kinds] of DDIM and FSD where everything has its mirror image among the data."""
    kinds = [unchanged(8, 8), flipped_left_right(8, 8), shuffled(8, 8, 2, 0)]
    sampling, camera = Sampling(1.0, steps=10), tiny.cameras(0)

    def both(prior, conditioning, kind):
        ddim = ddim_result(sampling, camera, 8, prior, conditioning, SEED, kind)
        return ddim, rule_result(small.recipe(), camera, prior, conditioning, SEED, kind)

    conditioning = jax.tree.map(lambda w: jnp.tile(w - jnp.log(2), 2), tiny.CONDITIONING)
    draw = tiny.jit(
        lambda kinds: jax.lax.map(lambda k: both(small.MIRRORED, conditioning, k), kinds)
    )
    ddim, fsd = draw(jnp.asarray(np.stack(kinds)))
    return {"ddim": np.asarray(ddim), "fsd": np.asarray(fsd)}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ddim", "fsd"])
def test_flipped_noise_leads_to_the_mirror_image(method, results):
    straight, flipped, _ = results[method]
    np.testing.assert_allclose(flipped, straight[:, ::-1], atol=1e-4)
    assert np.abs(flipped - straight).mean() > 0.1


@pytest.mark.parametrize("method", ["ddim", "fsd"])
def test_every_result_is_one_of_the_data_or_nearly(method, results):
    data = np.asarray(small.MIRRORED.bank[:, 0]) / 255
    for image in results[method]:
        nearest = np.abs(image[None] - data).mean((1, 2, 3)).min()
        assert nearest < {"ddim": 0.01, "fsd": 0.1}[method]


def test_an_unchanged_start_is_the_ordinary_one():
    rule = small.fsd_of(tiny.PRIOR)
    key = jax.random.key(4)
    moved = starting_rearranged(rule, unchanged(8, 8))
    np.testing.assert_array_equal(moved.init(key, tiny.SHAPE), rule.init(key, tiny.SHAPE))
    flipped = starting_rearranged(rule, flipped_left_right(8, 8)).init(key, tiny.SHAPE)
    np.testing.assert_array_equal(flipped, rule.init(key, tiny.SHAPE)[:, ::-1])


def test_a_rule_without_a_noise_of_its_own_is_refused():
    rule = sds(tiny.PRIOR.schedule, guidance_scale=1.0, annealing=linear())
    with pytest.raises(
        ValueError, match=r"does not keep one noise .* such as FSD with fixed noise"
    ):
        starting_rearranged(rule, unchanged(8, 8)).init(jax.random.key(0), tiny.SHAPE)


def test_differences():
    images = np.zeros((2, 3, 4, 4, 3))
    images[0, 0, :, 0] = images[0, 1, :, 3] = 1.0  # its flip is its mirror image
    images[:, 2] = 0.5
    found = differences(images, ["unchanged", "flipped left-right", "shuffled"])
    assert found["flipped left-right, to the mirror image"] == 0.0
    assert found["another seed"] == 0.5
    assert found["flipped left-right"] == pytest.approx(0.5 * 0.5**0.5, abs=1e-4)
    assert found["shuffled"] == 0.5
