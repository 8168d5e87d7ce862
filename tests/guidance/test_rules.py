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
import optax
import pytest

from sdjax.cameras import Camera
from sdjax.diffusion.annealing import along
from sdjax.diffusion.ramps import ramp
from sdjax.diffusion.schedule import scaled_linear
from sdjax.guidance import noise
from sdjax.guidance.asd import asd
from sdjax.guidance.cfd import cfd
from sdjax.guidance.consistent3d import consistent3d
from sdjax.guidance.csd import Scales, csd
from sdjax.guidance.dsd import dsd
from sdjax.guidance.dsd_star import dsd_star
from sdjax.guidance.fsd import fsd
from sdjax.guidance.hifa import hifa
from sdjax.guidance.ism import ism
from sdjax.guidance.nfsd import nfsd
from sdjax.guidance.ode import cached_ode, exact_ode, ode_grid
from sdjax.guidance.overshoot import constant
from sdjax.guidance.rescaling import clip, normalise, rescaled, scale
from sdjax.guidance.rule import Rule, Update, View, guidance_loss
from sdjax.guidance.sdi import sdi
from sdjax.guidance.sds import sds
from sdjax.guidance.shared import Everyone
from sdjax.guidance.sjc import sjc
from sdjax.guidance.surface_noise import surface
from sdjax.guidance.view_bins import nearest_bins
from sdjax.guidance.vsd import vsd
from sdjax.guidance.vsd_adapter import Adapter
from sdjax.guidance.vsd_exact import exact_vsd
from sdjax.priors.closed_form import predict_noise
from sdjax.priors.embedded import EmbeddedPrior
from tests import tiny

pytestmark = pytest.mark.usefixtures("quick_compilation")

COMMON = {"guidance_scale": 7.5, "annealing": along(np.arange(1000))}


def itself(t):
    return t


class Entry(NamedTuple):
    """A rule and what is known of it."""

    make: Callable[[EmbeddedPrior], Rule]
    evaluations: Callable[[int], int]  # of the network in one update at t
    random: bool = False  # whether an update depends on its key
    views: int = 2
    t: int = 600  # of the update that is looked at
    tolerance: float = 1e-4  # of a comparison, in the largest entry: posteriors amplify rounding
    looks_at: Callable[[int], int] = itself  # the timestep of `Aux`, given the annealing's


def make_fsd(noise_function, **options):
    return lambda prior: fsd(prior.schedule, noise=noise_function, **options, **COMMON)


def make_cfd(prior):
    return cfd(prior.schedule, noise=surface(radius=1.7, gamma=0.1), **COMMON)


def make_sdi(eta, overshoot):
    return lambda prior: sdi(
        prior.schedule, inversion_eta=eta, overshoot=overshoot, inversion_steps=5, **COMMON
    )


def make_dsd(ode, overshoot=None):
    return lambda prior: dsd(
        prior.schedule, ode=ode(prior), ode_guidance_scale=7.5, overshoot=overshoot, **COMMON
    )


def make_ism(**options):
    return lambda prior: ism(prior.schedule, interval=400.0, **options, **COMMON)


def make_consistent3d(**options):
    """From t + 100 to the annealing's t, both kept within 100 and 980."""
    return lambda prior: consistent3d(prior.schedule, spread=1, **options, **COMMON)


def noisier_by_100(t):
    return min(max(t, 100), 880) + 100


def make_csd(**scales):
    return lambda prior: csd(prior.schedule, scales=Scales(**scales), annealing=COMMON["annealing"])


def make_hifa(**options):
    return lambda prior: hifa(prior.schedule, **options, **COMMON)


def predict_trained(params, predictor, x_t, t, cameras):
    """A trained network: the prior's own prediction, and what it makes of the cameras."""
    seen = [jnp.mean(camera, axis=1).reshape(-1, 1, 1, 1) for camera in cameras]
    prediction = predictor(x_t, t, 1.0)
    return [(1.0 + params * each) * prediction for each in seen]


def make_vsd(**options):
    def make(prior):
        adapter = Adapter(lambda key: jnp.float32(0.3), predict_trained)
        rule = vsd(prior.schedule, adapter=adapter, optimizer=optax.sgd(0.1), **options, **COMMON)
        return rule.rule(rule.init(jax.random.key(0)), None)

    return make


def make_exact_vsd(**options):
    """In the company of 3 fixed particles."""

    def make(prior):
        latents = np.random.default_rng(2).uniform(-1.0, 1.0, (3, 2, *tiny.SHAPE))
        everyone = Everyone(jnp.float32(latents), jnp.asarray([1.0, 1.0, 0.0]))
        return exact_vsd(prior.schedule, **options, **COMMON).rule((), everyone)

    return make


def exact(prior):
    return exact_ode(prior.schedule, 7.5, steps=5)


def cached(prior):
    bins = nearest_bins(prior.cameras)
    return cached_ode(prior.schedule, 7.5, bins, tiny.SIZE, tiny.SIZE, steps=5)


def once(t):
    return 1


def twice(t):
    return 2


def after_strides(t):
    """From t down in strides of 250."""
    return t // 250 + 1


def after_interval(t):
    """Strides of 200 up to 400 below t, the prediction there and that at t."""
    return max(int(np.ceil((t - 400 - 1) / 200)), 0) + 1 + 1


def after_inversion(t):
    """Steps from clean data to the grid below t and from there to t; the prediction there."""
    return np.sum(1 + 200 * np.arange(5) < t) + 1 + 1


def after_ode(t_delta):
    """Steps from the nodes above t_delta, and three predictions."""
    return np.sum(ode_grid(5) > t_delta) + 3


# DSD's random t_delta is up to a tenth above t: no node lies between, at the timesteps below.
# SDI inverts pictures off the data: rounding times 8.5 / (sigma_0 alpha_t), about 1000.
RULES = {
    "sds": Entry(lambda prior: sds(prior.schedule, **COMMON), once, random=True),
    "sjc": Entry(lambda prior: sjc(prior.schedule, **COMMON), once, random=True),
    "csd": Entry(make_csd(), once, random=True),
    "csd annealed and rescaled": Entry(
        lambda prior: rescaled(
            make_csd(uncond=ramp(0.0, -1.0), null=ramp(-1.0, 0.0), noise=0.1)(prior),
            scale(ramp(1.0, 0.1)),
            clip(1.0),
            normalise(),
        ),
        once,
        random=True,
    ),
    "nfsd": Entry(lambda prior: nfsd(prior.schedule, **COMMON), once, random=True),
    "asd": Entry(
        lambda prior: asd(
            prior.schedule, shift_from=ramp(0.5, 0.02), noise=noise.fixed(), **COMMON
        ),
        twice,
        random=True,
    ),
    "hifa": Entry(make_hifa(), once, random=True),
    "hifa multi-step": Entry(make_hifa(denoising_steps=4, eta=1.0), after_strides, random=True),
    "fsd": Entry(make_fsd(None), once),
    "fsd world map": Entry(make_fsd(noise.world_map(90.0)), once),
    "fsd refreshed, with image target": Entry(
        make_fsd(noise.world_map(90.0, gamma=ramp(0.1, 0.01)), image_weight=0.1), once
    ),
    "fsd blended": Entry(make_fsd(noise.world_map(90.0, beta=0.5)), once, random=True),
    "sdi": Entry(make_sdi(0.3, overshoot=False), after_inversion, random=True, tolerance=1e-3),
    "sdi overshoot": Entry(
        make_sdi(0.0, overshoot=True), after_inversion, random=True, tolerance=1e-3
    ),
    "vsd": Entry(make_vsd(), twice, random=True),
    "esd": Entry(make_vsd(particle_guidance_scale=0.5), twice, random=True),
    "vsd exact": Entry(make_exact_vsd(), once, random=True),
    "esd exact": Entry(
        make_exact_vsd(particle_guidance_scale=0.5, data_std=0.1), once, random=True
    ),
    "dsd": Entry(make_dsd(exact), lambda t: after_ode(max(t, 1)), random=True),
    "dsd cached": Entry(make_dsd(cached), lambda t: 3, random=True),
    "dsd 2D": Entry(make_dsd(exact, constant(0.2)), lambda t: after_ode(min(t + 200, 999))),
    # ISM's two predictions nearly agree: exactly so where one object is certain (t = 600)
    "ism": Entry(make_ism(), after_interval, random=True, t=900, tolerance=3e-3),
    "ism guided inversion": Entry(
        make_ism(inversion_guidance_scale=2.0, noise=noise.fixed()),
        after_interval,
        t=900,
        tolerance=3e-3,
    ),
    "consistent3d": Entry(make_consistent3d(std_rescale=0.5), twice, looks_at=noisier_by_100),
    "cfd": Entry(make_cfd, once),
    "dsd star": Entry(lambda prior: dsd_star(prior.schedule, **COMMON), once, views=1),
}
every_rule = pytest.mark.parametrize("name", RULES)
TIMESTEPS = (0, 20, 201, 600, 980, 999)  # with the bounds of an annealing

COSINE, LINEAR = tiny.PRIOR, tiny.PRIOR.replace(schedule=scaled_linear())


def plain(predictor):
    return predictor


def half(predictor):
    """A network that computes in bfloat16."""
    return tiny.network(predictor, lambda *args: predict_noise(*args).astype(jnp.bfloat16))


CALLS: list[int] = []


def counted(predictor):
    """A network that counts its evaluations while they run."""

    def compute(*args):
        jax.debug.callback(lambda: CALLS.append(1))
        return predict_noise(*args)

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
    rule = RULES[name].make(prior)
    return rule.prepare(rule.init(key, tiny.SHAPE), predictor_at(prior, look))


def update(name, prior, camera, key, latents, state, progress, look=plain) -> Update:
    rule, predictor = RULES[name].make(prior), predictor_at(prior, look)(camera)
    return rule.update(key, latents, state, predictor, progress=progress, view=view_at(camera))


jit_start, jit_update = (tiny.jit(f, static_argnames=("name", "look")) for f in (start, update))


class Inputs(NamedTuple):
    """Arguments of `update`, in order."""

    prior: EmbeddedPrior
    camera: Camera
    key: jax.Array
    latents: jax.Array
    state: Any
    progress: jax.Array


def inputs(name, *, seed=0, t=None, prior=LINEAR, look=plain) -> Inputs:
    views, t = RULES[name].views, RULES[name].t if t is None else t
    latents = np.random.default_rng(seed).uniform(-1.0, 1.0, (views, *tiny.SHAPE))
    start_key, key = jax.random.key(2 * seed), jax.random.key(2 * seed + 1)
    state = jit_start(name, prior, start_key, look=look)
    camera = tiny.cameras(*(0, 2)[:views])
    return Inputs(prior, camera, key, jnp.float32(latents), state, jnp.float32(t / 1000))


def assert_close(name, actual, expected):
    """Leaf by leaf, relative to the largest entry."""

    def close(ours, theirs):
        bound = RULES[name].tolerance * np.abs(np.asarray(theirs, np.float64)).max()
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
    loss = guidance_loss(RULES[name].make(prior), decode=lambda latents: latents)
    return functools.partial(loss, image=jnp.zeros((RULES[name].views, *tiny.SHAPE)))


@every_rule
def test_jit_changes_nothing_and_the_loss_has_exactly_the_gradient(name):
    prior, camera, key, latents, state, progress = given = inputs(name)
    eager = update(name, *given)
    assert_close(name, jit_update(name, *given), eager)

    loss = jax.grad(loss_of(name, prior), has_aux=True)
    predictor, view = predictor_at(prior, plain)(camera), view_at(camera)
    gradient, rest = loss(latents, key, state, predictor, progress=progress, view=view)
    assert_same((gradient, *rest), (eager.gradient, eager.state, eager.aux))


@every_rule
def test_low_precision_is_followed_in_float32(name):
    given = inputs(name)
    latents = given.latents.astype(jnp.bfloat16)
    ours = update(name, *given._replace(latents=latents))
    assert_same(ours, update(name, *given._replace(latents=latents.astype(jnp.float32))))
    assert ours.gradient.dtype == jnp.float32 and finite(ours)

    state = jax.eval_shape(lambda: start(name, LINEAR, given.key, half))
    abstract = given._replace(latents=latents, state=state)
    network = jax.eval_shape(lambda *args: update(name, *args, half), *abstract)
    jax.tree.map(lambda leaf: chex.assert_type(leaf, leaf.dtype), network)


BASIS = np.random.default_rng(1).normal(size=(5, 2, *tiny.SHAPE)).astype(np.float32)
STEPS = (900, 600)


def basis(name):
    """A linear renderer of 5 params: one row of latents for each."""
    return BASIS[:, : RULES[name].views]


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
    """The same with the chain rule written out, and without compiling anything twice."""
    for i, t in enumerate(STEPS):
        latents = np.einsum("p,pvhwc->vhwc", params, basis(name))
        step_key = jax.random.fold_in(key, t)
        with jax.no_tracing(i > 0):
            ours = jit_update(name, prior, camera, step_key, latents, state, np.float32(t / 1000))
        gradient, state = np.asarray(ours.gradient), ours.state
        params = params - 0.01 * np.einsum("pvhwc,vhwc->p", basis(name), gradient)
    return params, state


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
    assert bool(jnp.any(first.gradient != other.gradient)) == RULES[name].random


@pytest.mark.parametrize("name", [name for name in RULES if not RULES[name].random])
def test_views_do_not_see_each_other(name):
    given = inputs(name)
    swapped = given._replace(
        camera=jax.tree.map(lambda leaf: leaf[::-1], given.camera), latents=given.latents[::-1]
    )
    gradient = jit_update(name, *given).gradient
    assert_close(name, jit_update(name, *swapped).gradient[::-1], gradient)


@every_rule
@pytest.mark.parametrize("prior", [COSINE, LINEAR], ids=["cosine", "linear"])
def test_updates_are_finite_at_every_timestep(name, prior):
    for t in TIMESTEPS:
        ours = jit_update(name, *inputs(name, t=t, prior=prior))
        assert ours.aux.t == RULES[name].looks_at(t) and finite(ours)


@every_rule
def test_the_plain_interface_of_a_network_gives_the_same(name):
    ours = jit_update(name, *inputs(name, look=counted), look=counted)
    expected = jit_update(name, *inputs(name))
    assert_close(name, (ours.gradient, ours.aux), (expected.gradient, expected.aux))


@every_rule
def test_evaluations_of_the_network(name):
    for t in TIMESTEPS:
        given = jax.block_until_ready(inputs(name, t=t, look=counted))
        jax.effects_barrier()
        CALLS.clear()
        jax.block_until_ready(jit_update(name, *given, look=counted))
        jax.effects_barrier()
        assert len(CALLS) == RULES[name].evaluations(t)


@every_rule
def test_a_state_survives_a_checkpoint(name):
    given = inputs(name)
    stored = jax.tree.map(np.asarray, given.state)
    assert_same(jit_update(name, *given._replace(state=stored)), jit_update(name, *given))


def test_dsd_star_refuses_two_views():
    given = inputs("dsd star")
    two = given._replace(camera=tiny.cameras(0, 2), latents=jnp.zeros((2, *tiny.SHAPE)))
    with pytest.raises(ValueError, match="expected those of one view"):
        jit_update("dsd star", *two)
