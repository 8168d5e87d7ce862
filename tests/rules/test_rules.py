"""What holds for every rule: one table, through which each of them runs.

A rule is made inside `jit` from a prior, as training does it; the annealing of the table makes
`progress` a timestep, t = 1000 progress.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized

from sdjax.cameras import Camera
from sdjax.diffusion.mixtures import predict_noise
from sdjax.diffusion.schedule import scaled_linear
from sdjax.priors.embedded import EmbeddedPrior
from sdjax.rules import RULES
from sdjax.rules.contract import Update, View, guidance_loss
from sdjax.rules.weighting import alpha_times_sigma
from sdjax.runs.checkpoints import Checkpoints
from tests import tiny
from tests.rules.rules_table import ENTRIES, make

pytestmark = pytest.mark.usefixtures("quick_compilation")
every_rule = pytest.mark.parametrize("name", ENTRIES)
TIMESTEPS = (0, 20, 201, 600, 980, 999)  # with the bounds of an annealing

COSINE, LINEAR = tiny.PRIOR, tiny.PRIOR.replace(schedule=scaled_linear())


def plain(predictor):
    return predictor


def half(predictor):
    """A network that computes in bfloat16."""
    return tiny.network(predictor, lambda *args: predict_noise(*args).astype(jnp.bfloat16))


CALLS: list[int] = []


def counted(predictor):
    """A network that notes the rows of its evaluations while they run."""

    def compute(schedule, x, *args):
        jax.debug.callback(lambda: CALLS.append(len(x)))
        return predict_noise(schedule, x, *args)

    return tiny.network(predictor, compute)


def predictor_at(prior: EmbeddedPrior, look: Callable) -> Callable[[Camera], Any]:
    return lambda camera: look(prior.predictor(tiny.CONDITIONING, camera))


def view_at(camera: Camera) -> View:
    """The upper half of each picture is foreground, a rough surface half way to the origin."""
    opacity = jnp.zeros((len(camera.azimuth), *tiny.SHAPE[:2], 1)).at[:, :4].set(1.0)
    rough = np.random.default_rng(3).uniform(1.4, 1.8, opacity.shape[1:])
    return View(camera, opacity, jnp.broadcast_to(jnp.float32(rough), opacity.shape))


def start(name, prior, key, look=plain) -> Any:
    """The state before the first update."""
    rule = make(ENTRIES[name], prior)
    return rule.prepare(rule.init(key, tiny.SHAPE), predictor_at(prior, look))


def update(name, prior, camera, key, latents, state, progress, look=plain) -> Update:
    rule, predictor = make(ENTRIES[name], prior), predictor_at(prior, look)(camera)
    return rule.update(key, latents, state, predictor, progress=progress, view=view_at(camera))


@functools.cache
def traced_once(function: Callable, name: str, look: Callable) -> Callable:
    """Compiled for the rule and the look; refuses to be traced again, whatever the timestep, the
    key, the state and the schedule."""

    def run(*given):
        return function(name, *given, look=look)

    run.__name__ = f"{function.__name__} {name} {look.__name__}"  # by which traces are counted
    return tiny.jit(chex.assert_max_traces(run, n=1))


def jit_start(name, *given, look=plain) -> Any:
    return traced_once(start, name, look)(*given)


def jit_update(name, *given, look=plain) -> Update:
    return traced_once(update, name, look)(*given)


class Inputs(NamedTuple):
    """Arguments of `update`, in order."""

    prior: EmbeddedPrior
    camera: Camera
    key: jax.Array
    latents: jax.Array
    state: Any
    progress: jax.Array


def inputs(name, *, seed=0, t=None, prior=LINEAR, look=plain) -> Inputs:
    views, t = ENTRIES[name].views, ENTRIES[name].t if t is None else t
    latents = np.random.default_rng(seed).uniform(-1.0, 1.0, (views, *tiny.SHAPE))
    start_key, key = jax.random.key(2 * seed), jax.random.key(2 * seed + 1)
    state = jit_start(name, prior, start_key, look=look)
    camera = tiny.cameras(*(0, 2)[:views])
    return Inputs(prior, camera, key, jnp.float32(latents), state, jnp.float32(t / 1000))


def assert_close(name, actual, expected):
    """Leaf by leaf, relative to the largest entry."""

    def close(ours, theirs):
        bound = ENTRIES[name].tolerance * np.abs(np.asarray(theirs, np.float64)).max()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=bound)

    jax.tree.map(close, actual, expected)


def assert_same(actual, expected):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def stack(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def finite(tree) -> bool:
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(tree))


def loss_of(name, prior) -> Callable:
    """Of latents beside an image of its own, which a residual of the image does not move."""
    loss = guidance_loss(make(ENTRIES[name], prior), decode=lambda latents: latents)
    return functools.partial(loss, image=jnp.zeros((ENTRIES[name].views, *tiny.SHAPE)))


def test_the_table_has_every_rule():
    assert {entry.rule for entry in ENTRIES.values()} == set(RULES)


def update_and_gradient(name, prior, camera, key, latents, state, progress):
    """The update, and what the loss of the same rule gives for it."""
    loss = jax.grad(loss_of(name, prior), has_aux=True)
    predictor, view = predictor_at(prior, plain)(camera), view_at(camera)
    gradient, rest = loss(latents, key, state, predictor, progress=progress, view=view)
    return update(name, prior, camera, key, latents, state, progress), (gradient, *rest)


@pytest.mark.slow
class WithAndWithoutJit(chex.TestCase):
    """What is the same either way."""

    @chex.variants(with_jit=True, without_jit=True)
    @parameterized.named_parameters((name, name) for name in ENTRIES)
    def test_the_loss_has_exactly_the_gradient_of_the_update(self, name):
        given = inputs(name)
        found, of_loss = self.variant(update_and_gradient, static_argnames="name")(name, *given)
        assert_same(of_loss, (found.gradient, found.state, found.aux))
        assert_close(name, found, jit_update(name, *given))


@pytest.mark.slow
@every_rule
def test_low_precision_is_followed_in_float32(name):
    """Of the latents, and of a network, whose predictions are combined in float32."""
    given = inputs(name)
    latents = given.latents.astype(jnp.bfloat16)
    ours = update(name, *given._replace(latents=latents))
    assert_same(ours, update(name, *given._replace(latents=latents.astype(jnp.float32))))
    assert ours.gradient.dtype == jnp.float32 and finite(ours)

    def abstract(look):
        state = jax.eval_shape(lambda: start(name, LINEAR, given.key, look))
        low = given._replace(latents=latents, state=state)
        return jax.eval_shape(lambda *args: update(name, *args, look), *low)

    chex.assert_trees_all_equal_shapes_and_dtypes(abstract(half), abstract(counted))


BASIS = np.random.default_rng(1).normal(size=(5, 2, *tiny.SHAPE)).astype(np.float32)
STEPS = (900, 600)


def basis(name):
    """A linear renderer of 5 params: one row of latents for each."""
    return BASIS[:, : ENTRIES[name].views]


def descend(name, prior, camera, key, params, state):
    """Steps on the params of a linear renderer."""
    loss = loss_of(name, prior)
    predictor, view = predictor_at(prior, plain)(camera), view_at(camera)

    def step(carry, t):
        params, state = carry

        def of(params):
            latents = jnp.einsum("p,pvhwc->vhwc", params, basis(name))
            step_key, progress = jax.random.fold_in(key, t), t / 1000
            return loss(latents, step_key, state, predictor, progress=progress, view=view)

        gradient, (state, _) = jax.grad(of, has_aux=True)(params)
        return (params - 0.01 * gradient, state), None

    return jax.lax.scan(step, (params, state), jnp.asarray(STEPS))[0]


def descend_by_hand(name, prior, camera, key, params, state):
    """The same with the chain rule written out."""
    for t in STEPS:
        latents = np.einsum("p,pvhwc->vhwc", params, basis(name))
        step_key, progress = jax.random.fold_in(key, t), jnp.float32(t / 1000)
        ours = jit_update(name, prior, camera, step_key, jnp.asarray(latents), state, progress)
        gradient, state = np.asarray(ours.gradient), ours.state
        params = params - 0.01 * np.einsum("pvhwc,vhwc->p", basis(name), gradient)
    return params, state


@pytest.mark.slow
@every_rule
def test_scan_vmap_and_pmap_run_what_a_loop_runs(name):
    seeds = [inputs(name, seed=seed) for seed in range(4)]
    prior, camera = seeds[0].prior, seeds[0].camera
    own = [(p.key, np.float32([0.1, 0.2, 0.3, 0.4, s]), p.state) for s, p in enumerate(seeds)]
    single = [descend_by_hand(name, prior, camera, *particle) for particle in own]

    run = jax.vmap(lambda *particle: descend(name, prior, camera, *particle))
    parallel = jax.pmap(run, devices=jax.devices()[:2])
    spread = jax.tree.map(lambda leaf: leaf.reshape(2, 2, *leaf.shape[1:]), stack(own))
    joined = jax.tree.map(lambda leaf: leaf.reshape(4, *leaf.shape[2:]), parallel(*spread))
    assert_close(name, joined, stack(single))


@every_rule
def test_randomness_comes_from_the_key_alone(name):
    given = inputs(name)
    first, again = jit_update(name, *given), jit_update(name, *given)
    assert_same(first, again)
    other = jit_update(name, *given._replace(key=jax.random.key(77)))
    assert bool(jnp.any(first.gradient != other.gradient)) == ENTRIES[name].random


@pytest.mark.parametrize("name", [name for name in ENTRIES if not ENTRIES[name].random])
def test_views_do_not_see_each_other(name):
    given = inputs(name)
    swapped = given._replace(
        camera=jax.tree.map(lambda leaf: leaf[::-1], given.camera), latents=given.latents[::-1]
    )
    gradient = jit_update(name, *given).gradient
    assert_close(name, jit_update(name, *swapped).gradient[::-1], gradient)


@pytest.mark.slow
@every_rule
@pytest.mark.parametrize("prior", [COSINE, LINEAR], ids=["cosine", "linear"])
def test_updates_are_finite_at_every_timestep(name, prior):
    for t in TIMESTEPS:
        ours = jit_update(name, *inputs(name, t=t, prior=prior))
        assert ours.aux.t == ENTRIES[name].looks_at(t) and finite(ours)


@pytest.mark.slow
@every_rule
def test_the_plain_interface_of_a_network_gives_the_same(name):
    ours = jit_update(name, *inputs(name, look=counted), look=counted)
    expected = jit_update(name, *inputs(name))
    assert_close(name, (ours.gradient, ours.aux), (expected.gradient, expected.aux))


@every_rule
def test_evaluations_of_the_network_and_their_rows(name):
    for t in TIMESTEPS:
        given = jax.block_until_ready(inputs(name, t=t, look=counted))
        jax.effects_barrier()
        CALLS.clear()
        jax.block_until_ready(jit_update(name, *given, look=counted))
        jax.effects_barrier()
        entry = ENTRIES[name]
        assert len(CALLS) == entry.evaluations(t)
        assert sum(CALLS) == entry.views * entry.rows(len(CALLS))


@pytest.fixture(scope="module")
def restored(tmp_path_factory):
    """The states of all rules, written and read again."""
    states = {name: inputs(name).state for name in ENTRIES}
    with Checkpoints(tmp_path_factory.mktemp("states")) as checkpoints:
        checkpoints.save(1, states)
        return checkpoints.restore_latest(lambda step: states)[1]


@every_rule
def test_a_state_survives_a_checkpoint(name, restored):
    given = inputs(name)
    assert_same(restored[name], given.state)
    ours = jit_update(name, *given._replace(state=restored[name]))
    assert_same(ours, jit_update(name, *given))


def test_dsd_star_refuses_two_views():
    given = inputs("dsd star")
    two = given._replace(camera=tiny.cameras(0, 2), latents=jnp.zeros((2, *tiny.SHAPE)))
    with pytest.raises(ValueError, match="expected those of one view"):
        update("dsd star", *two)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ENTRIES if "image target" in name])
def test_an_image_is_drawn_to_an_estimate_with_hifas_weight(name):
    found = update(name, *inputs(name))
    schedule, target = LINEAR.schedule, found.image_target
    np.testing.assert_allclose(
        target.weight, 0.1 * alpha_times_sigma(schedule, found.aux.t), rtol=1e-5
    )
    if name.startswith("dsd"):  # FSD's is guided by a scale of its own
        assert_same(target.latents, found.aux.predicted_x0)
