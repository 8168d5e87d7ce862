"""The residual of every rule on recorded draws, with the toy in place of a network.

Each takes the recorded schedule and the arrays of a case, under the names of the code that they
were recorded from, and returns its gradient as that code has it.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.benchmarks.parity_recordings import (
    Arrays,
    channels_last,
    latents,
    our_scale,
    toy_prediction,
    toy_predictor,
)
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules import weighting
from sdjax.rules.asd import asd_residual
from sdjax.rules.consistent3d import consistent3d_residual
from sdjax.rules.csd import Scales, csd_residual
from sdjax.rules.dsd import dsd_residual
from sdjax.rules.hifa import denoising_nodes, hifa_residual
from sdjax.rules.ism import ism_residual
from sdjax.rules.noise import offset
from sdjax.rules.ode import simulated_ode
from sdjax.rules.sdi import sdi_residual
from sdjax.rules.sds import sds_residual
from sdjax.rules.vsd.adapter import adapted_noise
from sdjax.rules.vsd.learned import vsd_residual

Gradient = jax.Array
Residual = Callable[[NoiseSchedule, Arrays], Gradient]


def _drawn(schedule: NoiseSchedule, arrays: Arrays) -> tuple:
    """The arguments that most residuals begin with, but for the noise."""
    t = jnp.asarray(np.ravel(arrays["t"])[0])
    return schedule, toy_predictor(arrays), latents(arrays, "latents"), t


def noised(residual: Callable[..., Any], **options: Any) -> Residual:
    """That of a rule which looks at latents with a drawn noise."""

    def gradient(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
        given = *_drawn(schedule, arrays), latents(arrays, "noise")
        return residual(*given, guidance_scale=our_scale(arrays), **options).gradient

    return gradient


def csd(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """With all five of its terms."""
    scales = Scales(*jnp.asarray(arrays["scales"], jnp.float32))
    given = *_drawn(schedule, arrays), latents(arrays, "noise")
    return csd_residual(*given, scales=scales).gradient


def asd(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """Both timesteps are recorded."""
    given = *_drawn(schedule, arrays), jnp.asarray(arrays["t_plus"][0]), latents(arrays, "noise")
    scales = float(arrays["guidance_scale"]), -float(arrays["guidance_perp_neg"])
    return asd_residual(*given, guidance_scale=scales[0], perp_neg_scale=scales[1]).gradient


def hifa(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """Its latents share a timestep; the embeddings are [without a prompt, with it] times 2."""
    t, steps = jnp.asarray(arrays["t"]), int(arrays["denoising_steps"])
    uncond, text = jnp.split(jnp.asarray(arrays["emb_all"], jnp.float32), 2)
    drawn = jnp.asarray(channels_last(arrays["step_noise"]), jnp.float32)
    room = len(denoising_nodes(t, steps, schedule.num_timesteps)) - 1 - len(drawn)
    return hifa_residual(
        schedule,
        NetworkPredictor(toy_prediction, Branches(text, uncond)),
        latents(arrays, "latents"),
        t,
        latents(arrays, "noise"),
        jnp.pad(drawn, ((0, room), *((0, 0),) * 4)),
        guidance_scale=float(arrays["guidance_scale"]),
        denoising_steps=steps,
        eta=float(arrays["eta"]),
        weighting=weighting.scaled(weighting.constant, 0.05),
    ).gradient


def sdi(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """With its inversion; noises of steps that are not taken are missing."""
    steps, given = int(arrays["inversion_n_steps"]), _drawn(schedule, arrays)
    last = jnp.minimum(given[-1] + int(arrays["u_delta"] * (1000 // steps)), 999)
    drawn = jnp.asarray(channels_last(arrays["step_noise"]), jnp.float32)
    return sdi_residual(
        *given,
        last,
        jnp.pad(drawn, ((0, steps + 1 - len(drawn)), *((0, 0),) * 4)),
        guidance_scale=our_scale(arrays),
        inversion_guidance_scale=our_scale(arrays, "inversion_guidance_scale"),
        inversion_steps=steps,
        inversion_eta=float(arrays["inversion_eta"]),
    ).gradient


def dsd(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """Its ODE simulated from the particle's noise, then the residual."""
    given, t_delta = _drawn(schedule, arrays), jnp.asarray(arrays["t_delta"][0])
    ode = simulated_ode(schedule, our_scale(arrays), int(arrays["n_ddim_steps"]))
    noise, shape = latents(arrays, "ode_noise")[0], given[2].shape
    point = ode.point_at(jax.random.key(0), noise, given[1], t_delta, None, shape)
    return dsd_residual(
        *given,
        t_delta,
        point.epsilon,
        guidance_scale=our_scale(arrays),
        base_guidance_scale=our_scale(arrays, "base_scale"),
    ).gradient


def ism(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """Both samples share a timestep and are views of one scene."""
    interval = float(arrays["delta_t"]) + float(arrays["warm_up_rate"]) * (
        float(arrays["delta_t_start"]) - float(arrays["delta_t"])
    )
    positive, unconditional, null = (
        jnp.asarray(arrays[f"emb_{name}"], jnp.float32) for name in ("text", "uncond", "inverse")
    )
    branches = Branches(positive, unconditional, null=jnp.broadcast_to(null, positive.shape))
    noise = offset(latents(arrays, "noise_main"), latents(arrays, "noise_channel"), 0.1)
    official = float(arrays["denoise_guidance_scale"])
    residual = ism_residual(
        schedule,
        NetworkPredictor(toy_prediction, branches),
        latents(arrays, "latents"),
        jnp.asarray(arrays["t"]),
        jnp.int32(interval),
        noise,
        guidance_scale=float(arrays["guidance_scale"]),
        inversion_guidance_scale=official if official > 1.0 else 0.0,
        inversion_stride=int(arrays["xs_delta_t"]),
        inversion_steps=int(arrays["xs_inv_steps"]),
    )
    return float(arrays["grad_scale"]) * residual.gradient


def consistent3d(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """One noise for all samples."""
    noise = jnp.expand_dims(latents(arrays, "noise"), 0)
    return consistent3d_residual(
        *_drawn(schedule, arrays),
        jnp.asarray(arrays["t_next"][0]),
        noise,
        guidance_scale=our_scale(arrays),
        std_rescale=float(arrays["recon_std_rescale"]),
    ).gradient


def vsd(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """The trained network of the recordings is the toy and what the camera adds; rows of
    embeddings are the text's and the negative prompt's."""
    rows = {name: jnp.asarray(arrays[name], jnp.float32) for name in ("emb_pretrain", "emb_phi")}
    batch = len(rows["emb_phi"]) // 2
    text, uncond = rows["emb_pretrain"][:1], rows["emb_pretrain"][batch : batch + 1]
    camera = jnp.asarray(arrays["camera"], jnp.float32).reshape(1, 16)

    def adapted(x_t, t, cameras):
        toy = toy_prediction(x_t, t, rows["emb_phi"][:1])
        seen = [jnp.mean(camera, 1).reshape(-1, 1, 1, 1) for camera in cameras]
        return [toy + 0.15 * one * jnp.cos(x_t) + 0.05 * x_t for one in seen]

    def particle_noise(x_t, t):
        scale = float(arrays["guidance_scale_lora"])
        return adapted_noise(schedule, adapted, x_t, t, camera, guidance_scale=scale)

    return vsd_residual(
        schedule,
        NetworkPredictor(toy_prediction, Branches(text, uncond)),
        particle_noise,
        latents(arrays, "latents"),
        jnp.asarray(arrays["t"][0]),
        latents(arrays, "noise"),
        guidance_scale=float(arrays["guidance_scale"]),
    ).gradient


def mvdream(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """Over the views of one scene, whose number the official loss divides by."""
    views = int(arrays["batch"])
    text, uncond = (jnp.asarray(arrays[name][:views], jnp.float32) for name in ("text", "uncond"))
    residual = sds_residual(
        schedule,
        NetworkPredictor(toy_prediction, Branches(text, uncond)),
        latents(arrays, "latents")[:views],
        jnp.asarray(arrays["t"]),
        latents(arrays, "noise")[:views],
        guidance_scale=float(arrays["scale"]),
        weighting=weighting.sigma_over_alpha,
        recon_std_rescale=float(arrays["recon_std_rescale"]),
        views_together=int(arrays["num_frames"]),
    )
    return residual.gradient / views


def zero123(schedule: NoiseSchedule, arrays: Arrays) -> Gradient:
    """Each view has a timestep of its own; contexts without a prompt come first."""
    picture, term = latents(arrays, "c_concat"), float(arrays["image_term"])
    contexts = jnp.split(jnp.asarray(arrays["context"], jnp.float32), 2)

    def predict(x, t, embedding):
        context, picture = embedding
        return toy_prediction(x, t, context) + term * picture * jnp.cos(x)

    def of_view(view):
        own = slice(view, view + 1)
        branches = Branches((contexts[1][own], picture), (contexts[0][own], 0.0 * picture))
        return sds_residual(
            schedule,
            NetworkPredictor(predict, branches),
            latents(arrays, "latents")[own],
            jnp.asarray(arrays["t"][view]),
            latents(arrays, "noise")[own],
            guidance_scale=float(arrays["scale"]),
        ).gradient

    views = len(arrays["t"])
    return jnp.concatenate([of_view(view) for view in range(views)]) / views
