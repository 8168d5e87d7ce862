"""A picture of a prior by DDIM, every state of it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.cameras import Camera
from sdjax.diffusion.ddim import ddim_path, leading_timesteps, sampling_path


def front(views: int = 1) -> Camera:
    """Cameras that look at the front."""
    return Camera(jnp.zeros(views), jnp.zeros(views), jnp.ones(views), jnp.full(views, 40.0))


def draw_picture(prior, prompt: str, latents: np.ndarray, steps: int, guidance_scale: float):
    """The timesteps, the latents at each (the given ones first), the last ones and the picture."""
    path = sampling_path(leading_timesteps(steps))

    @jax.jit
    def draw(prior, conditioning, latents):
        predictor = prior.predictor(conditioning, front())
        predict = functools.partial(predictor, guidance_scale=guidance_scale)
        final, states, _ = ddim_path(predict, prior.schedule, latents, path)
        return states, final, prior.decode(final)

    return path[:-1], *draw(prior, prior.condition(prompt), latents)


def assert_close(actual, recorded, tolerance: float = 1e-4) -> None:
    """Within `tolerance` of the largest recorded number."""
    assert actual.shape == recorded.shape
    largest = np.abs(recorded).max()
    np.testing.assert_allclose(actual, recorded, rtol=0, atol=tolerance * largest)
