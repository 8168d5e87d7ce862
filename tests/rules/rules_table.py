"""The table through which test_rules.py runs: how each rule is made, and what is known of it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from sdjax.diffusion.annealing import along
from sdjax.diffusion.ramps import ramp
from sdjax.priors.embedded import EmbeddedPrior
from sdjax.rules import noise
from sdjax.rules.asd import asd
from sdjax.rules.cfd import cfd
from sdjax.rules.consistent3d import consistent3d
from sdjax.rules.contract import Rule
from sdjax.rules.csd import Scales, csd
from sdjax.rules.dsd import dsd
from sdjax.rules.dsd_star import dsd_star
from sdjax.rules.fsd import fsd
from sdjax.rules.hifa import hifa
from sdjax.rules.ism import ism
from sdjax.rules.nfsd import nfsd
from sdjax.rules.noise.surface_noise import surface
from sdjax.rules.ode import cached_ode, exact_ode, ode_grid
from sdjax.rules.overshoot import constant
from sdjax.rules.rescaling import clip, normalise, rescaled, scale
from sdjax.rules.sdi import sdi
from sdjax.rules.sds import sds
from sdjax.rules.shared import Everyone
from sdjax.rules.sjc import sjc
from sdjax.rules.view_bins import nearest_bins
from sdjax.rules.vsd.adapter import Adapter
from sdjax.rules.vsd.exact import exact_vsd
from sdjax.rules.vsd.learned import vsd
from tests import tiny

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


def make_dsd(ode, **options):
    return lambda prior: dsd(
        prior.schedule, ode=ode(prior), ode_guidance_scale=7.5, **options, **COMMON
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
    "dsd cached, with image target": Entry(
        make_dsd(cached, image_weight=0.1), lambda t: 3, random=True
    ),
    "dsd 2D": Entry(
        make_dsd(exact, overshoot=constant(0.2)), lambda t: after_ode(min(t + 200, 999))
    ),
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
