"""Which embeddings a camera gets, against what threestudio hands to its networks."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.guided import NetworkPredictor
from sdjax.text.conditioning import Conditioning, branches, condition
from sdjax.text.perp_neg import Decay, DecayingWeights
from sdjax.text.views import Prompting, Sides, Thresholds
from tests import reference
from tests.text.cameras import camera

CASES = reference.load("prompts")
SEEN = camera(CASES["cameras"]["azimuth"], CASES["cameras"]["elevation"])
VIEWS = SEEN.azimuth.shape[0]
NEGATIVE = -jnp.ones((1, 4))
PROBES = Conditioning(jnp.eye(4)[:, None], NEGATIVE, NEGATIVE, jnp.ones((1, 4)))  # one-hot
PERP_NEG = Prompting(perp_neg=DecayingWeights())
NAMES = [name for name in CASES if "order_check" in CASES[name]]


def thresholds(name: str) -> Thresholds:
    return Thresholds(*CASES[name]["thresholds"].tolist())


@pytest.mark.parametrize("name", NAMES)
def test_each_camera_gets_the_embedding_of_its_direction(name):
    ours = branches(PROBES, SEEN, Prompting(thresholds=thresholds(name)))
    recorded = CASES[name]["order_check"]
    np.testing.assert_array_equal(ours.positive[:, 0], recorded[:VIEWS])
    np.testing.assert_array_equal(ours.unconditional[:, 0], recorded[VIEWS:])
    assert (ours.negatives, ours.negative_weights) == ((), ())


@pytest.mark.parametrize("name", NAMES)
def test_recorded_perp_neg_embeddings(name):
    recorded = CASES[name]
    prompting = Prompting(thresholds=thresholds(name), perp_neg=DecayingWeights())
    ours = branches(PROBES, SEEN, prompting)
    reference.assert_matches(ours.positive[:, 0], recorded["perpneg_pos_mix"], 1e-6)
    np.testing.assert_array_equal(ours.unconditional[:, 0], recorded["perpneg_uncond"])
    pushed = sum(
        weight[:, None] * negative[:, 0]
        for weight, negative in zip(ours.negative_weights, ours.negatives, strict=True)
    )
    theirs = np.einsum("vn,vnd->vd", recorded["perpneg_weights"], recorded["perpneg_neg_mix"])
    reference.assert_matches(pushed, theirs, 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_without_view_dependence_every_camera_gets_the_same(name):
    recorded = CASES[name]["no_view"]
    embed = lambda texts: np.stack([np.full((1, 4), 2.0 if t else -1.0) for t in texts])  # noqa: E731
    prompting = Prompting(view_dependent=False, thresholds=thresholds(name))
    ours = branches(condition("a bun", prompting, embed), SEEN, prompting)
    np.testing.assert_array_equal(ours.positive[:, 0], recorded[:VIEWS])
    np.testing.assert_array_equal(ours.unconditional[:, 0], recorded[VIEWS:])


def test_prompts_are_embedded_in_one_call():
    calls = []

    def embed(texts):
        calls.append(texts)
        return np.arange(7.0)[:, None, None] * np.ones((1, 2, 3))

    embeddings = condition("a bun", Prompting(negative_prompt="blurry"), embed)
    views = ["a bun, side view", "a bun, front view", "a bun, back view", "a bun, overhead view"]
    assert calls == [[*views, "blurry", "", "a bun"]]
    np.testing.assert_array_equal(embeddings.directions[:, 0, 0], np.arange(4.0))
    for embedding, value in zip(embeddings[1:], (4.0, 5.0, 6.0), strict=True):
        np.testing.assert_array_equal(embedding, value)


SIDED = Conditioning(jnp.eye(5)[:, None], jnp.ones((1, 5)), jnp.ones((1, 5)), jnp.ones((1, 5)))
LEFT_AND_RIGHT = Sides("a door", "a window")


def test_left_and_right_cameras_get_their_own_prompt():
    """The object faces azimuth 0, so that its left side is seen from 90 degrees."""
    seen = camera([90.0, 270.0, -90.0, 100.0, 0.0, 180.0, -100.0], [0.0] * 6 + [80.0])
    ours = branches(SIDED, seen, Prompting(sides=LEFT_AND_RIGHT))
    assert ours.positive[:, 0].argmax(-1).tolist() == [0, 4, 4, 0, 1, 2, 3]


def test_left_and_right_with_one_prompt_are_the_side():
    """Bit for bit, with Perp-Neg too."""
    same = PROBES._replace(directions=jnp.concatenate([PROBES.directions, PROBES.directions[:1]]))
    for weights in (None, DecayingWeights()):
        one = branches(PROBES, SEEN, Prompting(perp_neg=weights))
        two = branches(same, SEEN, Prompting(perp_neg=weights, sides=LEFT_AND_RIGHT))
        jax.tree.map(np.testing.assert_array_equal, one, two)


def test_perp_neg_mixes_the_prompt_of_the_cameras_own_side():
    seen = camera([45.0, -45.0, 135.0, -135.0], 0.0)
    prompting = Prompting(perp_neg=DecayingWeights(), sides=LEFT_AND_RIGHT)
    ours = branches(SIDED, seen, prompting)
    expected = [[0.5, 0.5, 0, 0, 0], [0, 0.5, 0, 0, 0.5], [0.5, 0, 0.5, 0, 0], [0, 0, 0.5, 0, 0.5]]
    np.testing.assert_allclose(ours.positive[:, 0], expected, atol=1e-6)
    front, side = ours.negatives
    assert front[:, 0].argmax(-1).tolist() == [1] * 4
    assert side[:, 0].argmax(-1).tolist() == [0, 4, 0, 4]


def test_the_empty_prompt_is_a_branch_of_its_own_beside_a_negative_prompt():
    embeddings = PROBES._replace(null=jnp.full((1, 4), 3.0))
    assert branches(embeddings, SEEN, Prompting()).null is None
    seen = branches(embeddings, SEEN, Prompting(negative_prompt="blurry")).null
    np.testing.assert_array_equal(seen, np.full((VIEWS, 1, 4), 3.0))


@pytest.mark.parametrize("prompting", [Prompting(), PERP_NEG])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_under_jit_and_vmap_in_the_embeddings_precision(prompting, dtype):
    """vmap over particles: embeddings are shared, cameras are not."""
    embeddings = jax.tree.map(lambda leaf: leaf.astype(dtype), PROBES)
    look = lambda camera: branches(embeddings, camera, prompting)  # noqa: E731
    particles = jax.tree.map(lambda leaf: leaf.reshape(11, 5), SEEN)
    together = jax.jit(jax.vmap(look))(particles)
    assert together.positive.dtype == together.unconditional.dtype == dtype
    assert together.positive.shape == (11, 5, 1, 4)
    alone = look(SEEN)
    assert len(jax.tree.leaves(together)) == len(jax.tree.leaves(alone))
    for ours, plain in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
        ours = np.asarray(ours, np.float32).reshape(plain.shape)
        np.testing.assert_allclose(ours, np.asarray(plain, np.float32), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("prompting", [Prompting(), PERP_NEG])
def test_a_network_takes_the_branches(prompting):
    """Seen from the front and from above, where Perp-Neg pushes nowhere: the mean of a one-hot
    probe is 1/4, that of the negative prompt -1."""
    seen = camera([0.0, 100.0], [10.0, 80.0])
    predict = lambda x, t, c: x * jnp.mean(c, axis=(1, 2))[:, None]  # noqa: E731
    read = branches(PROBES, seen, prompting)
    found = NetworkPredictor(predict, read)(jnp.ones((2, 3)), 10, 7.5)
    np.testing.assert_allclose(found[1], -1.0 + 7.5 * 1.25, rtol=1e-6)
    # all predictions point the same way: what is perpendicular to that is nothing
    np.testing.assert_allclose(found[0], -1.0 + 7.5 * 1.25, rtol=1e-5)
    assert len(read.negatives) == (2 if prompting.perp_neg else 0)


def test_equal_settings_are_compiled_once():
    chex.clear_trace_counter()

    @functools.partial(jax.jit, static_argnames="prompting")
    @chex.assert_max_traces(n=1)
    def look(seen, prompting):
        return branches(PROBES, seen, prompting).positive

    first, again = (look(SEEN, p) for p in (PERP_NEG, Prompting(perp_neg=DecayingWeights())))
    np.testing.assert_array_equal(first, again)
    other = Prompting(perp_neg=DecayingWeights(f_fs=Decay(4.0, 0.5, -2.4)))
    assert other != PERP_NEG
    with pytest.raises(AssertionError, match="traced > 1 times"):
        look(SEEN, other)
