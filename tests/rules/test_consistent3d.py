"""Consistent3D against the recorded numbers of the official code."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion import pace
from sdjax.diffusion.annealing import annealed
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.ramps import ramp
from sdjax.rules import weighting
from sdjax.rules.consistent3d import consistent3d, consistent3d_residual
from sdjax.rules.contract import View
from sdjax.rules.rescaling import clip
from tests import reference, tiny
from tests.reference import assert_matches, channels_last

CASES = reference.load("consistent3d")
RESIDUALS = sorted(name for name in CASES if "grad" in CASES[name])
OURS = {  # recorded names
    "grad": "gradient",
    "scaled_z": "noisy",
    "scaled_z_next": "noisy_next",
    "eps_t": "epsilon",
    "eps_t_rescaled": "epsilon_rescaled",
    "eps_next": "epsilon_next",
}


@functools.partial(jax.jit, static_argnames=("dtype", "rescale", "weight"))
def our_consistent3d(arrays, scale, bound, dtype, rescale, weight):
    case = reference.case(arrays, dtype)
    noise = arrays["noise"]
    noise = case.latents("noise", dtype) if noise.ndim == 4 else shared(noise, dtype)
    residual = consistent3d_residual(
        case.schedule,
        case.predictor,
        case.latents("latents", dtype),
        arrays["t"][0],
        arrays["t_next"][0],
        noise,
        guidance_scale=scale,
        std_rescale=rescale,
        weighting=weight,
    )
    clipped = clip(lambda progress: bound)(residual.gradient, jnp.zeros(()))
    residual = residual._replace(gradient=clipped)
    return {recorded: getattr(residual, ours) for recorded, ours in OURS.items()}


def shared(noise, dtype):
    """One noise for all samples, as one view."""
    return jnp.expand_dims(jnp.moveaxis(jnp.asarray(noise, dtype), -3, -1), 0)


def weighting_of(name: str) -> weighting.Weighting:
    """The stage "refine" has SDS's, as "mix" in the second half of a run."""
    by_sigma = name.startswith(("sdsweight", "refine")) or name == "mix_late"
    return weighting.one_minus_alpha_cumprod if by_sigma else weighting.constant


INPUTS = {"latents", "noise", "t", "t_next", "emb_text", "emb_uncond"}


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("name", RESIDUALS)
def test_consistent3d(name, dtype, x64):
    for arrays in reference.samples(CASES[name]):
        actual = our_consistent3d(
            {k: v for k, v in arrays.items() if k in INPUTS},
            reference.our_scale(arrays),
            float(arrays.get("grad_clip_val", np.inf)),
            dtype,
            float(arrays["recon_std_rescale"]),
            weighting_of(name),
        )
        if dtype == jnp.float64:
            assert_matches(actual["grad"], channels_last(arrays["grad_f64"]), 1e-4)
            continue
        for recorded, value in actual.items():
            tolerance = max(5e-4, rounding(arrays) if recorded == "grad" else 0.0)
            assert_matches(value, channels_last(arrays[recorded]), tolerance)


def rounding(arrays) -> float:
    """Of the official gradient in float32: 8e-4 in one sample at t = 979, less elsewhere."""
    exact = arrays["grad_f64"]
    return np.max(np.abs(arrays["grad"] - exact) / np.maximum(1.0, np.abs(exact)))


PACES = {"anneal_sqrt": pace.square_root, "anneal_linear": pace.steady}


@pytest.mark.parametrize("name", PACES)
def test_annealing_of_timestep_and_guidance_scale(name, x64):
    """700 to 100 and 100 to 50, over 3000 steps."""
    cut_off = lambda t: jnp.floor(t + 1e-9)  # noqa: E731 (199.99999 is 200)
    timestep = annealed(PACES[name], 0.7, 0.1, rounding=cut_off)
    scale = ramp(100.0, 50.0)
    for step, recorded in zip(
        CASES[name]["global_step"], CASES[name]["curstep_guidance"], strict=True
    ):
        progress = jnp.minimum(jnp.float64(step) / 3000.0, 1.0)
        found = timestep(jax.random.key(0), progress), scale(progress)
        np.testing.assert_allclose(found, recorded, rtol=1e-12)


@functools.partial(tiny.jit, static_argnames="late")
def drawn(progress, late=None):
    """Updates at 200 keys, of latents that are none of the objects."""
    predictor = tiny.PRIOR.predictor(tiny.CONDITIONING, tiny.cameras(0))
    latents, timestep = jnp.zeros((1, *tiny.SHAPE)), annealed(pace.square_root, 0.7, 0.1)
    rule = consistent3d(
        predictor.schedule, guidance_scale=1.0, annealing=timestep, late_weighting=late
    )
    state = rule.init(jax.random.key(0), tiny.SHAPE)
    view = View(tiny.cameras(0), jnp.ones((1, *tiny.SHAPE[:2], 1)))
    update = functools.partial(rule.update, progress=progress, view=view)
    keys = jax.random.split(jax.random.key(1), 200)
    return jax.vmap(lambda key: update(key, latents, state, predictor))(keys)


@pytest.mark.slow
@pytest.mark.parametrize(("progress", "lowest", "highest"), [(0.0, 799, 980), (0.25, 500, 699)])
def test_the_larger_timestep_is_drawn_above_the_annealed_one(progress, lowest, highest):
    t = drawn(jnp.float32(progress)).aux.t
    assert t.min() >= lowest and t.max() <= highest
    assert t.min() < lowest + 10 and t.max() > highest - 10


@pytest.mark.slow
def test_mix_changes_the_weighting_in_the_middle_of_the_run():
    late = weighting.scaled(weighting.constant, 3.0)
    for progress, factor in ((0.49, 1.0), (0.5, 3.0)):
        mixed, plain = drawn(jnp.float32(progress), late), drawn(jnp.float32(progress))
        np.testing.assert_allclose(mixed.gradient, factor * plain.gradient, rtol=1e-6)


@pytest.mark.slow
def test_where_the_ode_is_straight_nothing_moves(x64):
    """One object: epsilon is constant along the ODE, so that both predictions agree."""
    schedule = jax.tree.map(jnp.float64, reference.table_schedule())
    picture = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 4, 3)))
    straight = NetworkPredictor(
        lambda x, t, embedding: (x - schedule.alpha(t) * picture) / schedule.sigma(t),
        Branches(jnp.zeros((1, 1)), jnp.zeros((1, 1))),
    )
    residual = consistent3d_residual(
        schedule,
        straight,
        jnp.zeros(picture.shape),
        jnp.asarray(700),
        jnp.asarray(500),
        picture[..., ::-1],
        guidance_scale=7.5,
    )
    assert jnp.abs(residual.epsilon).max() > 1.0
    assert jnp.abs(residual.gradient).max() < 1e-11
