"""SDI against the recorded numbers of its official code, and its inversion."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.diffusion.annealing import along
from sdjax.diffusion.ddim import ddim_path, sampling_path, trailing_timesteps
from sdjax.diffusion.prediction import add_noise, predicted_x0
from sdjax.rules.contract import View
from sdjax.rules.inversion import inversion_timesteps, invert
from sdjax.rules.sdi import RULE, Kept, one_step_estimate, sdi, sdi_residual
from sdjax.rules.view_bins import nearest_bins
from tests import reference, tiny
from tests.reference import channels_last
from tests.rules.following import (
    assert_close,
    both_scales,
    both_schedules,
    descend,
    predictor_at,
    schedule_in,
    start_noise,
)
from tests.rules.recorded import both_precisions, check, inputs, residual_cases

pytestmark = pytest.mark.usefixtures("quick_compilation")

SDI = reference.load("sdi")


@functools.partial(
    jax.jit,
    static_argnames=("dtype", "scale", "inverse_scale", "steps", "eta", "spacing", "prediction"),
)
def our_sdi(arrays, last, step_noise, dtype, scale, inverse_scale, steps, eta, spacing, prediction):
    case = reference.case(arrays, dtype, prediction_type=prediction)
    t = arrays["t"][0]
    path = inversion_timesteps(t, last, steps, spacing, 1000)
    residual = sdi_residual(
        case.schedule,
        case.predictor,
        case.latents("latents", dtype),
        t,
        last,
        step_noise.astype(dtype),
        guidance_scale=scale,
        inversion_guidance_scale=inverse_scale,
        inversion_steps=steps,
        inversion_eta=eta,
        spacing=spacing,
    )
    return path, {
        "grad": residual.gradient,
        "inv_latents": residual.noisy,
        "noise_pred": residual.epsilon,
        "target": residual.target,
        "found_noise": residual.found_noise,
    }


@both_precisions
@pytest.mark.parametrize("name", [n for n in residual_cases(SDI) if "inv_latents" in SDI[n]])
def test_sdi(name, dtype, x64):
    arrays = SDI[name]
    steps = int(arrays["inversion_n_steps"])
    last = min(int(arrays["t"][0]) + int(arrays["u_delta"] * (1000 // steps)), 999)
    noise = channels_last(arrays["step_noise"])
    padding = ((0, steps + 1 - len(noise)), *((0, 0),) * 4)
    path, actual = our_sdi(
        inputs(arrays),
        last,
        np.pad(noise, padding),
        dtype,
        reference.our_scale(arrays),
        reference.our_scale(arrays, "inversion_guidance_scale"),
        steps,
        float(arrays["inversion_eta"]),
        "trailing" if "trailing" in name else "leading",
        "v_prediction" if "vpred" in name else "epsilon",
    )
    visited = arrays["timesteps"]
    np.testing.assert_array_equal(path[: len(visited)], visited)
    assert set(np.asarray(path[len(visited) :])) <= {visited[-1]}
    if "vpred" in name:
        del actual["noise_pred"]  # recorded as the raw velocity
    check(actual, arrays)


@both_precisions
@pytest.mark.parametrize("name", [n for n in residual_cases(SDI) if "inv_latents" not in SDI[n]])
def test_sdi_without_inversion(name, dtype, x64):
    """The official ablations: a fresh or a given noise in place of the inversion's."""
    arrays = SDI[name]
    case, t = reference.case(arrays, dtype), jnp.asarray(arrays["t"][0])
    latents, noise = case.latents("latents", dtype), case.latents("noise", dtype)
    noisy = add_noise(case.schedule, latents, noise, t)
    scale = reference.our_scale(arrays)
    epsilon, target = one_step_estimate(case.schedule, case.predictor, noisy, t, scale)
    check({"grad": latents - target, "noise_pred": epsilon, "target": target}, arrays)


@functools.partial(tiny.jit, static_argnames="eta")
def inversions(schedule, eta):
    """The latents that SDI finds, in coordinates and in pixels."""
    predictor, dtype = predictor_at(tiny.cameras(2), schedule), schedule.alphas_cumprod.dtype
    drawn = np.random.default_rng(1).normal(size=(11, 1, *tiny.SHAPE))
    path = inversion_timesteps(jnp.asarray(700), jnp.asarray(750), 10, "leading", 1000)
    arguments = predictor.modes[:, 0] + start_noise(dtype), path, jnp.asarray(drawn, dtype)
    return [
        invert(schedule, look, *arguments, guidance_scale=-7.5, eta=eta)
        for look in (predictor, tiny.network(predictor))
    ]


@both_schedules
@pytest.mark.parametrize("eta", [0.0, 0.3])
def test_the_inversion_in_coordinates_is_that_in_pixels(schedule, eta, x64):
    assert_close(*inversions(schedule_in(schedule, jnp.float64), eta), 1e-10)


@functools.partial(tiny.jit, static_argnames="scale")
def kept_noise_and_ddim(schedule, scale):
    """The latents of SDI with its noise kept after each plain step of 1, from the one-step estimate
    at T - 1, and DDIM's one-step estimates from the same noise."""
    predictor = predictor_at(tiny.cameras(0), schedule)
    path, noise = (
        jnp.asarray(sampling_path(trailing_timesteps(50))),
        start_noise(schedule.alpha(0).dtype),
    )
    rule = sdi(schedule, guidance_scale=scale, annealing=along(path[1:-1]), noise="cached")
    state = Kept(noise, noise, jnp.int32(0), jnp.int32(0))
    state = rule.prepare(state, lambda camera: predictor)
    start = predicted_x0(schedule, noise, state.epsilon, 999)
    ours = descend(rule, predictor, state, jnp.ones(len(path) - 2, noise.dtype), start)
    predict = lambda x, t: predictor(x, t, scale)  # noqa: E731
    _, states, epsilons = ddim_path(predict, schedule, noise, path)
    theirs = jax.vmap(functools.partial(predicted_x0, schedule))(states, epsilons, path[:-1])
    return ours, theirs[1:]


@both_schedules
@both_scales
def test_with_kept_noise_plain_steps_of_1_are_ddim(schedule, scale, x64):
    ours, theirs = kept_noise_and_ddim(schedule_in(schedule, jnp.float64), scale)
    assert_close(ours, theirs, 1e-9)


def test_a_target_is_held_and_then_renewed():
    """Between two targets the gradient leads to the same latents, whatever t would be."""
    schedule = schedule_in("cosine", jnp.float32)
    predictor = predictor_at(tiny.cameras(0), schedule)
    timesteps = jnp.asarray([900, 800, 700, 600])
    rule = sdi(
        schedule, guidance_scale=1.0, annealing=along(timesteps), noise="cached", target_every=2
    )
    state = rule.prepare(rule.init(jax.random.key(0), tiny.SHAPE), lambda camera: predictor)
    latents, seen = jnp.zeros((1, *tiny.SHAPE)), []
    for step in range(4):
        update = rule.update(
            jax.random.key(1), latents, state, predictor, progress=jnp.float32(step / 4), view=None
        )
        state = update.state
        seen.append((int(update.aux.t), latents - update.gradient))
        latents = latents - 0.5 * update.gradient
    assert [t for t, _ in seen] == [900, 900, 700, 700]
    np.testing.assert_allclose(seen[1][1], seen[0][1], atol=1e-6)
    assert np.abs(seen[2][1] - seen[1][1]).max() > 0.01


def latents_after(rule, camera, look):
    """Of the views of `camera`, after three plain steps of 1 from zeros."""
    state = rule.prepare(rule.init(jax.random.key(0), tiny.SHAPE), look)
    views = len(camera.azimuth)
    latents, view = jnp.zeros((views, *tiny.SHAPE)), View(camera, jnp.ones((views, 8, 8, 1)))
    for step in range(3):
        found = rule.update(
            jax.random.key(1),
            latents,
            state,
            look(camera),
            progress=jnp.float32(step / 3),
            view=view,
        )
        latents, state = latents - found.gradient, found.state
    return latents


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 4])
def test_noise_kept_in_bins_is_that_of_each_image_or_scene(together):
    """Where all of them are seen at every step, in whatever order."""
    schedule, order = schedule_in("cosine", jnp.float32), (2, 3, 0, 1)
    common = {
        "guidance_scale": 1.0,
        "noise": "cached",
        "annealing": along(np.asarray([900, 600, 300])),
    }

    def look(camera):
        return dataclasses.replace(predictor_at(camera, schedule), joint=together)

    in_bins = sdi(schedule, **common, bins=nearest_bins(tiny.CAMERAS, together))
    found = latents_after(in_bins, tiny.cameras(*order), look)
    for cameras in np.arange(4).reshape(-1, together):
        camera = tiny.cameras(*cameras)
        rule = sdi(schedule, **common, camera=camera, views_together=together)
        expected = latents_after(rule, camera, look)
        own = found[np.argsort(order)[cameras]]
        np.testing.assert_allclose(own, expected, rtol=0, atol=2e-5)


def test_of_two_views_of_one_bin_the_later_one_leaves_its_noise():
    schedule = schedule_in("cosine", jnp.float32)
    rule = sdi(
        schedule,
        guidance_scale=1.0,
        noise="cached",
        annealing=along(np.asarray([600])),
        bins=nearest_bins(tiny.CAMERAS),
    )
    camera = tiny.cameras(1, 3, 1)
    state = rule.init(jax.random.key(0), tiny.SHAPE)
    latents = jnp.asarray(np.random.default_rng(0).normal(size=(3, *tiny.SHAPE)), jnp.float32)
    found = rule.update(
        jax.random.key(1),
        latents,
        state,
        predictor_at(camera, schedule),
        progress=jnp.float32(0),
        view=View(camera, jnp.ones((3, 8, 8, 1))),
    )
    left = add_noise(
        schedule, found.aux.predicted_x0, found.state.epsilon[np.asarray([1, 3, 1])], 600
    )
    np.testing.assert_allclose(left[1:], found.aux.noisy[1:], atol=1e-5)
    assert np.abs(left[0] - found.aux.noisy[0]).max() > 0.01
    np.testing.assert_array_equal(found.state.epsilon[::2], state.epsilon[::2])


def test_kept_noise_is_refused_for_several_views():
    rule = sdi(
        tiny.PRIOR.schedule, guidance_scale=1.0, noise="cached", annealing=along(jnp.asarray([500]))
    )
    state = rule.init(jax.random.key(0), tiny.SHAPE)
    predictor = predictor_at(tiny.cameras(0, 1), tiny.PRIOR.schedule)
    with pytest.raises(UserError, match="one view"):
        rule.update(
            jax.random.key(0),
            jnp.zeros((2, *tiny.SHAPE)),
            state,
            predictor,
            progress=jnp.float32(0),
            view=None,
        )


@pytest.mark.parametrize(("name", "value"), [("noise", "inverted"), ("target_every", 25)])
def test_bins_keep_the_last_prediction_and_nothing_else(name, value):
    table = {"noise": "cached", "target_every": 1, "keep_bins": 8}
    rest = {"stages": {"resolution": (32,)}, "prior": {"name": "embedded"}}
    RULE.check({"rule": table, **rest})
    with pytest.raises(UserError, match=f"config.rule.{name} is {value!r}, expected"):
        RULE.check({"rule": {**table, name: value}, **rest})


def test_bins_keep_predictions_of_one_size():
    table = {"noise": "cached", "target_every": 1, "keep_bins": 8}
    stages = {"resolution": (32, 64)}
    with pytest.raises(UserError, match=r"config\.stages\.resolution is \(32, 64\), expected one"):
        RULE.check({"rule": table, "stages": stages, "prior": {"name": "embedded"}})
    RULE.check({"rule": table, "stages": stages, "prior": {"name": "mvdream"}})


def test_noise_that_is_kept_is_for_one_image_but_in_bins():
    table = {"noise": "cached", "target_every": 1, "keep_bins": None}
    assert "keeps that of one image" in RULE.one_image_because(table)
    assert RULE.one_image_because({**table, "keep_bins": 8}) is None
