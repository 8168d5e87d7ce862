"""The table through which test_rules.py runs: every rule of `sdjax.rules.RULES`, and what is known
of it.

A rule is made as a run makes it, of its fields and those of its noise; only the annealing is the
tests' own: it makes `progress` a timestep.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.config.kinds import arguments, made
from sdjax.config.tables import complete
from sdjax.diffusion.annealing import along
from sdjax.diffusion.ramps import Ramp, ramp
from sdjax.rules import RULES
from sdjax.rules.contract import Rule
from sdjax.rules.kind import Parts
from sdjax.rules.noise import NOISE, NOISES
from sdjax.rules.ode import ode_grid
from sdjax.rules.rescaling import Rescaling, clip, normalise, rescaled, scale
from sdjax.rules.shared import Everyone, SharedRule
from sdjax.rules.vsd.adapter import Adapter
from tests import tiny

STEPS = 1000  # of the run that ramps are written for
ANNEALING = along(np.arange(1000))


def itself(t):
    return t


def guided_rows(calls):
    """Each prediction is guided: with the prompt, and without."""
    return 2 * calls


def and_one(calls):
    """Beside the last guided prediction one at another timestep, of the prompt alone."""
    return 2 * calls + 1


def one_guided(calls):
    """All but one have the prompt alone, or none."""
    return calls + 1


class Entry(NamedTuple):
    """A rule with some fields, and what is known of it."""

    rule: str  # its name in `sdjax.rules.RULES`
    evaluations: Callable[[int], int]  # of the network in one update at t
    fields: Mapping[str, Any] = {}  # that are not their defaults
    noise: Mapping[str, Any] = {}  # the same of the noise's table
    rescalings: tuple[Rescaling, ...] = ()
    t_min: float | Ramp = 0.32  # of the annealing
    random: bool = False  # whether an update depends on its key
    views: int = 2
    t: int = 600  # of the update that is looked at
    tolerance: float = 1e-4  # of a comparison, in the largest entry: posteriors amplify rounding
    looks_at: Callable[[int], int] = itself  # the timestep of `Aux`, given the annealing's
    rows: Callable[[int], int] = guided_rows  # a view, in the batches of so many evaluations


def make(entry: Entry, prior: Any, views: int = 2) -> Rule:
    """The rule of an entry; one that shares something is that of a particle of so many views, in
    company."""
    kind = RULES[entry.rule]
    noise = complete({"name": kind.noise, **entry.noise}, NOISE, "noise.")
    parts = Parts(
        prior=with_adapter(prior),
        annealing=ANNEALING,
        noise=made(NOISES, noise, STEPS, radius=1.7),
        resolution=tiny.SIZE,
        t_min=entry.t_min,
        camera=tiny.cameras(0),
        elevation=(-10.0, 45.0),
        steps=STEPS,
    )
    given = {"guidance_scale": 7.5} if "guidance_scale" in kind.fields else {}
    fields = complete({**given, **entry.fields}, kind.fields, "rule.")
    rule = kind.make(parts, **arguments(kind.fields, fields, STEPS))
    if isinstance(rule, SharedRule):
        rule = rule.rule(rule.init(jax.random.key(0)), company(views))
    return rescaled(rule, *entry.rescalings)


def company(views: int) -> Everyone:
    """3 fixed particles, of which the last does not count."""
    latents = np.random.default_rng(2).uniform(-1.0, 1.0, (3, 2, *tiny.SHAPE))
    latents = np.tile(latents, (1, max(1, views // 2), 1, 1, 1))
    return Everyone(jnp.float32(latents), jnp.asarray([1.0, 1.0, 0.0]))


def with_adapter(prior: Any) -> SimpleNamespace:
    """What makers of rules ask of a prior; it has no network, but what VSD trains beside one."""
    return SimpleNamespace(
        schedule=prior.schedule,
        views_together=getattr(prior, "views_together", 1),
        latent_shape=prior.latent_shape,
        view_bins=prior.view_bins,
        camera_bins=lambda number, elevation: prior.camera_bins(None, elevation),
        adapter=lambda rank, camera_features: Adapter(lambda key: jnp.float32(0.3), trained),
    )


def trained(params, predictor, x_t, t, cameras):
    """A trained network: the prior's own prediction, and what it makes of the cameras."""
    seen = [jnp.mean(camera, axis=1).reshape(-1, 1, 1, 1) for camera in cameras]
    prediction = predictor(x_t, t, 1.0)
    return [(1.0 + params * each) * prediction for each in seen]


def noisier_by_100(t):
    """Consistent3D looks from t + 100 to the annealing's t, both kept within 100 and 980."""
    return min(max(t, 100), 880) + 100


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
    """Steps from the nodes above t_delta and the prediction there; then two predictions at once."""
    return np.sum(ode_grid(5) > t_delta) + 2


def after_nodes(t_delta):
    """The same at the node above t_delta."""
    return max(np.sum(ode_grid(5)[:-1] >= t_delta) - 1, 0) + 2


WORLD_MAP = {"name": "world_map", "theta": 90.0}

# DSD's random t_delta is up to a tenth above t: no node lies between, at the timesteps below.
# SDI inverts pictures off the data: rounding times 8.5 / (sigma_0 alpha_t), about 1000.
# ISM's two predictions nearly agree: exactly so where one object is certain (t = 600).
ENTRIES = {
    "sds": Entry("sds", once, random=True),
    "sjc": Entry("sjc", once, random=True),
    "csd": Entry("csd", once, random=True),
    "csd annealed and rescaled": Entry(
        "csd",
        once,
        {
            "uncond_scale": (0, 0.0, -1.0, STEPS),
            "null_scale": (0, -1.0, 0.0, STEPS),
            "noise_scale": 0.1,
        },
        rescalings=(scale(ramp(1.0, 0.1)), clip(1.0), normalise()),
        random=True,
    ),
    "nfsd": Entry("nfsd", once, random=True),
    "asd": Entry(
        "asd", once, noise={"name": "fixed"}, t_min=ramp(0.5, 0.02), random=True, rows=and_one
    ),
    "hifa": Entry("hifa", once, random=True),
    "hifa multi-step": Entry(
        "hifa", after_strides, {"denoising_steps": 4, "eta": 1.0}, random=True
    ),
    "fsd": Entry("fsd", once),
    "fsd world map": Entry("fsd", once, noise=WORLD_MAP),
    "fsd refreshed, with image target": Entry(
        "fsd", once, {"image_weight": 0.1}, noise={**WORLD_MAP, "gamma": (0, 0.1, 0.01, STEPS)}
    ),
    "fsd blended": Entry("fsd", once, noise={**WORLD_MAP, "beta": 0.5}, random=True),
    "cfd": Entry("cfd", once, noise={"gamma": 0.1}),
    "sdi": Entry(
        "sdi",
        after_inversion,
        {"inversion_steps": 5, "overshoot": False},
        random=True,
        tolerance=1e-3,
    ),
    "sdi overshoot": Entry(
        "sdi",
        after_inversion,
        {"inversion_steps": 5, "inversion_eta": 0.0},
        random=True,
        tolerance=1e-3,
    ),
    "sdi cached": Entry("sdi", once, {"noise": "cached"}, views=1),
    "sdi cached, held": Entry("sdi", once, {"noise": "cached", "target_every": 5}, views=1),
    "sdi cached in bins": Entry("sdi", once, {"noise": "cached", "keep_bins": 4}),
    "vsd": Entry("vsd", twice, random=True, rows=one_guided),
    "esd": Entry(
        "vsd",
        twice,
        {"particle_guidance_scale": 0.5, "camera_features": "spherical"},
        random=True,
        rows=one_guided,
    ),
    "vsd exact": Entry("exact_vsd", once, random=True),
    "esd exact": Entry(
        "exact_vsd", once, {"particle_guidance_scale": 0.5, "data_std": 0.1}, random=True
    ),
    "dsd": Entry(
        "dsd", lambda t: after_ode(max(t, 1)), {"ode_steps": 5}, random=True, rows=and_one
    ),
    "dsd cached, with image target": Entry(
        "dsd",
        twice,
        {"ode": "cached", "ode_steps": 5, "image_weight": 0.1},
        random=True,
        rows=and_one,
    ),
    "dsd cached at nodes": Entry(
        "dsd", once, {"ode": "cached", "ode_steps": 5, "ode_at": "node"}, random=True, rows=and_one
    ),
    "dsd simulated at nodes": Entry(
        "dsd",
        lambda t: after_nodes(min(t + int(0.1 * (t - 320)), 999) if t > 320 else max(t, 1)),
        {"ode_steps": 5, "ode_at": "node", "random_delta": False},
        rows=and_one,
    ),
    "dsd with aligned starts": Entry(
        "dsd",
        once,
        {"ode": "cached", "ode_steps": 5, "ode_at": "node", "ode_start": "world_map"},
        random=True,
        t=900,
        rows=and_one,
    ),
    "dsd aligned and simulated": Entry(
        "dsd",
        lambda t: after_ode(max(t, 1)),
        {"ode_steps": 5, "ode_start": "world_map", "ode_theta": 90.0},
        random=True,
        t=900,
        rows=and_one,
    ),
    "dsd linear": Entry("dsd", once, {"ode": "linear"}, random=True, rows=and_one),
    "dsd random": Entry("dsd", once, {"ode": "random"}, random=True, rows=and_one),
    "dsd of the ODE alone": Entry(
        "dsd",
        lambda t: after_ode(max(t, 1)),
        {"ode_steps": 5, "interpolate": False},
        random=True,
        rows=and_one,
    ),
    "fsd first order": Entry("fsd", once, {"first_order": True}),
    "dsd 2D": Entry(
        "dsd",
        lambda t: after_ode(min(t + 200, 999)),
        {"ode_steps": 5, "overshoot": "constant", "delta": 0.2},
        rows=and_one,
    ),
    "ism": Entry(
        "ism",
        after_interval,
        {"interval": 400.0},
        random=True,
        t=900,
        tolerance=3e-3,
        rows=one_guided,
    ),
    "ism guided inversion": Entry(
        "ism",
        after_interval,
        {"interval": 400.0, "inversion_guidance_scale": 2.0},
        noise={"name": "fixed"},
        t=900,
        tolerance=3e-3,
        rows=one_guided,
    ),
    "consistent3d": Entry(
        "consistent3d", twice, {"spread": 1, "std_rescale": 0.5}, looks_at=noisier_by_100
    ),
    "dsd star": Entry("dsd_star", once, views=1),
}
