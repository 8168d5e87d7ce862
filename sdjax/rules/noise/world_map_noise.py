"""Noise on a map of the world, of which each view sees a window (FSD, arXiv 2405.10988)."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.config.fields import fields_of, number, one_of
from sdjax.config.kinds import Kind
from sdjax.diffusion.ramps import Ramp
from sdjax.rules.contract import needed_view
from sdjax.rules.noise.function import (
    BETA,
    GAMMA,
    NoiseFunction,
    Shape,
    blend,
    foreground_mask,
    placeless,
    reduce_noise,
    refreshing,
)


class WorldMap(NamedTuple):
    """The fixed noises of `world_map`."""

    foreground: Float[Array, "map_height map_width c"]  # padded by one window
    background: Float[Array, "h w c"]


def world_map(
    theta: float = 180.0,
    beta: float = 1.0,
    *,
    fixed_background: bool = True,
    gamma: float | Ramp = 0.0,
    window: str = "centred",
) -> NoiseFunction:
    """Noise fixed on a map of the world (FSD, arXiv 2405.10988, section 4.1 and equation 16).

    The map spans 360 degrees of azimuth and 180 of elevation; a view sees the window of `theta`
    degrees around its direction (`world_map_window`).  Pixels whose opacity is at least 0.5 read
    the map, the others a fixed background, or fresh noise.  The result is sqrt(beta) times that
    plus sqrt(1 - beta) times fresh noise; `beta` 1 is fully determined.  The map and the background
    are refreshed by `gamma` at every step.

    `window` "centred" is the paper's; "corner" is that of CFD's public generator, which takes the
    window's first row for its middle and wraps it around, so that views just above and just below
    the horizon share almost nothing (its configurations keep the elevation >= 0).
    """
    row_of = ROWS[window]

    def init(key, shape):
        foreground, background = jax.random.split(key)
        raw = jax.random.normal(foreground, world_map_shape(theta, shape))
        return WorldMap(periodic(raw, shape[1]), jax.random.normal(background, shape))

    def sample(key, state, view, shape):
        view, size = needed_view(view), state.background.shape
        seen = jax.vmap(
            lambda camera: world_map_window(state.foreground, theta, camera, size, row_of)
        )(view.camera)
        seen = jax.vmap(lambda noise: reduce_noise(noise, shape[1:3]))(seen)
        background_key, blend_key = jax.random.split(key)
        if fixed_background:
            background = jnp.broadcast_to(reduce_noise(state.background, shape[1:3]), shape)
        else:
            background = jax.random.normal(background_key, shape)
        noise = jnp.where(foreground_mask(view.opacity, shape[1:3]), seen, background)
        return noise if beta == 1.0 else blend(noise, jax.random.normal(blend_key, shape), beta)

    def mend(state):
        return state._replace(foreground=periodic(state.foreground, state.background.shape[1]))

    return NoiseFunction(init, sample, refreshing(gamma, mend))


def world_map_shape(theta: float, shape: Shape) -> Shape:
    """[180/theta h + h, 360/theta w + w, c]: the map with room for one window at each end."""
    height, width, channels = shape
    return int(180 / theta * height) + height, int(360 / theta * width) + width, channels


def window_size(theta: float, map_shape: Shape) -> tuple[int, int]:
    """The height and width of a window, from the shape of its map (`world_map_shape`)."""
    height, width = map_shape[0] / (1.0 + 180 / theta), map_shape[1] / (1.0 + 360 / theta)
    return math.ceil(height - 1e-6), math.ceil(width - 1e-6)  # the map's size was cut off


def periodic(raw: Float[Array, "mh mw c"], width: int) -> Float[Array, "mh mw c"]:
    """Copy half a window of columns to each end, so that azimuth 360 continues at 0."""
    half, period = width // 2, raw.shape[1] - width
    padded = raw.at[:, :half].set(raw[:, period : period + half])
    return padded.at[:, -half:].set(raw[:, half : 2 * half])


def centred_row(elevation: Float[Array, ""], rows: int) -> Float[Array, ""]:
    """The first row of the window around an elevation, in a map that is padded by half a window
    at each end: from 0 at the zenith to `rows` at the nadir, without a jump."""
    return jnp.clip((90.0 - elevation) * (rows / 180.0), 0, rows)


def corner_row(elevation: Float[Array, ""], rows: int) -> Float[Array, ""]:
    """Where CFD's generator begins: at -elevation, wrapped around, so that it jumps at 0."""
    return jnp.mod(-elevation * (rows / 180.0), rows)


ROWS = {"centred": centred_row, "corner": corner_row}


def world_map_window(
    foreground: Float[Array, "map_height map_width c"],
    theta: float,
    camera: Any,
    size: Shape,
    row_of: Callable[[Float[Array, ""], int], Float[Array, ""]] = centred_row,
) -> Float[Array, "h w c"]:
    """The window that one camera sees: the columns around its azimuth, the rows by `row_of` its
    elevation, in map pixels, cut off to whole ones."""
    height, width, channels = size
    rows, columns = int(180 / theta * height), int(360 / theta * width)
    row = row_of(camera.elevation, rows).astype(jnp.int32)
    column = jnp.mod(camera.azimuth * (columns / 360.0), columns).astype(jnp.int32)
    return jax.lax.dynamic_slice(foreground, (row, column, jnp.int32(0)), (height, width, channels))


WORLD_MAP = Kind(
    "world_map",
    placeless(world_map),
    fields_of(
        world_map,
        theta=number(above=0, at_most=360).says("degrees that a view's window spans"),
        beta=BETA,
        gamma=GAMMA,
        window=one_of(*ROWS).says("around the view's direction, or below it as CFD's code has it"),
    ),
)
