"""The trainable network of VSD: what it predicts, and the loss that it learns by."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdjax.config.errors import UserError
from sdjax.diffusion.guided import Scale, branches_of, classifier_free_guidance
from sdjax.diffusion.prediction import PredictionType, add_noise, to_epsilon, velocity
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.rules.contract import Latents

CameraVector = Float[Array, "views n"]
Adapted = Callable[[Latents, Int[Array, ""], list[CameraVector]], list[Latents]]


class Adapter(NamedTuple):
    """A trainable network beside a frozen one.

    init(key) -> params
    predict(params, predictor, x_t, t, cameras) -> its outputs at x_t, one for each of the camera
      vectors [views, n], in ONE evaluation; `predictor` is the frozen network's, from which it may
      take the embedding of the prompt (`networks.lora.predictor.AdaptedPredictor.adapted`).
    prediction_type: what the outputs are, "epsilon" or "v_prediction".
    """

    init: Callable[[jax.Array], Any]
    predict: Callable[..., list[Latents]]
    prediction_type: PredictionType = "epsilon"


def adapted_noise(
    schedule: NoiseSchedule,
    adapted: Adapted,
    x_t: Latents,
    t: Int[Array, ""],
    camera: CameraVector,
    *,
    guidance_scale: Scale = 1.0,
    prediction_type: PredictionType = "epsilon",
) -> Latents:
    """f = phi_0 + guidance_scale (phi_camera - phi_0), as noise.

    phi_camera and phi_0 are the outputs under the camera and under a camera of zeros, in one
    evaluation; with scale 1 only the first is asked for.
    """
    cameras = [camera, jnp.zeros_like(camera)][: len(branches_of(guidance_scale))]
    outputs = adapted(x_t, t, cameras)
    output = outputs[0]
    if len(outputs) == 2:
        output = classifier_free_guidance(*outputs, guidance_scale)
    return to_epsilon(schedule, prediction_type, output, x_t, t)


def adapter_loss(
    schedule: NoiseSchedule,
    adapted: Adapted,
    latents: Latents,
    t: Int[Array, ""],
    noise: Latents,
    camera: CameraVector,
    *,
    prediction_type: PredictionType = "epsilon",
) -> Float[Array, ""]:
    """mean (phi(alpha_t x + sigma_t noise, t, camera) - target)^2 over all entries: the loss of a
    diffusion model whose data are the particles' renderings (arXiv 2305.16213, equation 9).

    The target is the noise, or alpha_t noise - sigma_t x for "v_prediction"; a dropped camera is
    one of zeros.  ValueError for another `prediction_type`.
    """
    (output,) = adapted(add_noise(schedule, latents, noise, t), t, [camera])
    if prediction_type == "epsilon":
        target = noise
    elif prediction_type == "v_prediction":
        target = velocity(schedule, latents, noise, t)
    else:
        raise UserError(
            f"prediction_type of VSD's trainable network is {prediction_type!r}, expected "
            "'epsilon' or 'v_prediction'."
        )
    return jnp.mean((output - target) ** 2)
