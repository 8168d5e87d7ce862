"""The closed forms in place of networks behind the recordings of MVDream and Zero-1-to-3: their
predictors, which are `reference.toy_prediction`, and their first stage."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.schedule import NoiseSchedule
from tests.reference import channels_last, load, toy_prediction

SCALING = 0.18215  # of latents


@functools.cache
def recorded(name: str) -> dict[str, dict[str, np.ndarray]]:
    """The cases of a file such as "multiview/mvdream/guidance"."""
    return load(name)


def schedule_in(dtype, name: str = "multiview/mvdream/guidance") -> NoiseSchedule:
    """The schedule of a file, bit for bit, in `dtype`."""
    table = jnp.asarray(recorded(name)["schedule"]["alphas_cumprod"], dtype)
    return NoiseSchedule(table, table[0])


def latents(array: np.ndarray, dtype) -> jax.Array:
    """A recorded array of latents, channels last."""
    return jnp.asarray(channels_last(array), dtype)


def assert_relative(actual, expected: np.ndarray, tolerance: float) -> float:
    """|actual - expected| <= tolerance max |expected|; returns what it is."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    deviation = np.abs(actual - expected).max() / np.abs(expected).max()
    assert deviation <= tolerance, f"off by {deviation:.2e}, tolerance {tolerance:.0e}"
    return deviation


def text_predictor(text: np.ndarray, uncond: np.ndarray, dtype) -> NetworkPredictor:
    """MVDream's, of texts [views, tokens, features]; the camera does not enter."""
    branches = Branches(jnp.asarray(text, dtype), jnp.asarray(uncond, dtype))
    return NetworkPredictor(toy_prediction, branches)


def image_prediction(term: float):
    """Zero-1-to-3's: P at the context, plus `term` y cos(x) with the conditioning latent y."""

    def predict(x, t, embedding):
        context, image = embedding
        return toy_prediction(x, t, context) + term * image * jnp.cos(x)

    return predict


def image_predictor(context: np.ndarray, image: np.ndarray, term: float, dtype) -> NetworkPredictor:
    """That of the contexts [2 views, features], those without a prompt first, and of the latent
    [1, c, h, w] of the reference picture, which is zeros without a prompt."""
    uncond, cond = jnp.split(jnp.asarray(context, dtype), 2)
    image = jnp.broadcast_to(latents(image, dtype), (len(cond), *channels_last(image).shape[1:]))
    branches = Branches((cond, image), (uncond, jnp.zeros_like(image)))
    return NetworkPredictor(image_prediction(term), branches)


def first_stage(image: jax.Array, matrix: np.ndarray, noise: jax.Array, size: int) -> jax.Array:
    """The latents of renderings [views, h, w, 3] in [0, 1]: resized to `size` pixels (bilinear,
    half-pixel centres, no antialiasing), averaged over blocks of 8 and mapped by `matrix`."""
    resized = jax.image.resize(image, (len(image), size, size, 3), "bilinear", antialias=False)
    blocks = (2.0 * resized - 1.0).reshape(len(image), size // 8, 8, size // 8, 8, 3)
    mean = blocks.mean(axis=(2, 4)) @ jnp.asarray(matrix, image.dtype).T
    return SCALING * (mean + jnp.exp(-2.0).astype(image.dtype) * noise)


def projected(pose: np.ndarray) -> np.ndarray:
    """The contexts [2 views, features] of poses [views, 4], zeros first: W [clip; pose] + b."""
    inputs = recorded("multiview/zero123/guidance_toy")["inputs"]
    embedding = np.repeat(inputs["clip_embedding"][0], len(pose), axis=0)
    context = np.concatenate([embedding, pose], axis=1) @ inputs["weight"].T + inputs["bias"]
    return np.concatenate([np.zeros_like(context), context])
