"""Where the ODE of a particle begins in each view."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from sdjax.cameras import Camera
from sdjax.rules.contract import Latents
from sdjax.rules.noise import (
    periodic,
    reduce_noise,
    window_size,
    world_map_shape,
    world_map_window,
)

Shape = tuple[int, int, int]


class OdeStart(NamedTuple):
    """init(key, shape) -> state, an array of unit noise; noise(state, camera, shape) -> x_T of each
    view, `shape` [views, h, w, c] at most as large as that of `init`."""

    init: Callable[[jax.Array, Shape], jax.Array]
    noise: Callable[[jax.Array, Camera | None, tuple[int, int, int, int]], Latents]


def one_start() -> OdeStart:
    """One eps* for all views, whatever the camera (DSD, arXiv 2412.06780, section 3.3)."""

    def noise(state, camera, shape):
        return jnp.broadcast_to(reduce_noise(state, shape[1:3]), shape)

    return OdeStart(jax.random.normal, noise)


def world_map_start(theta: float = 180.0) -> OdeStart:
    """Each view's eps* is the window of `theta` degrees around its direction of one map of noise,
    so that neighbouring views begin with nearly the same noise and opposite ones with another.

    DSD with the noise that FSD aligns in 3D (arXiv 2405.10988, section 4.1): an addition of ours.
    """

    def init(key, shape):
        return periodic(jax.random.normal(key, world_map_shape(theta, shape)), shape[1])

    def noise(state, camera, shape):
        size = (*window_size(theta, state.shape), shape[-1])
        window = lambda camera: world_map_window(state, theta, camera, size)  # noqa: E731
        return jax.vmap(lambda camera: reduce_noise(window(camera), shape[1:3]))(camera)

    return OdeStart(init, noise)


STARTS = {"one": lambda theta: one_start(), "world_map": world_map_start}
