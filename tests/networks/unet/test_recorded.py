"""The UNet against recorded outputs and gradients of diffusers."""

import functools

import jax
import jax.numpy as jnp
import pytest

from tests import reference
from tests.networks.components import CHECKPOINTS, deviation, recorded, with_gradient

pytestmark = pytest.mark.usefixtures("quick_compilation")


@functools.cache
def evaluation(checkpoint: str):
    """A function of the timesteps: the output and the gradient at the recorded inputs."""
    model, params = recorded(checkpoint, "unet")
    arrays = reference.load(f"tiny_{checkpoint}")["unet"]
    x, cotangent = (jnp.asarray(reference.channels_last(arrays[name])) for name in ("x", "R"))
    context = jnp.asarray(arrays["context"])

    @jax.jit
    def evaluate(params, t):
        predict = functools.partial(model.apply, {"params": params})
        return with_gradient(lambda x: predict(x, t, context), x, cotangent)

    return arrays, lambda t: evaluate(params, jnp.asarray(t, jnp.int32))


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_output_and_gradient_match_diffusers(checkpoint):
    arrays, evaluate = evaluation(checkpoint)
    output, gradient = evaluate(arrays["t"])
    assert deviation(output, reference.channels_last(arrays["out"])) < 2e-5
    assert deviation(gradient, reference.channels_last(arrays["grad_x"])) < 2e-5


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
@pytest.mark.parametrize("t", [0, 1, 500, 999])
def test_every_timestep_matches_diffusers(checkpoint, t):
    arrays, evaluate = evaluation(checkpoint)
    output, _ = evaluate([t, t])
    assert deviation(output, reference.channels_last(arrays[f"out_t{t}"])) < 2e-5
