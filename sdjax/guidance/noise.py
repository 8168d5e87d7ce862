"""Where the noise of a rule comes from: fresh at each step, fixed for the run, or a world map.

A noise function has an `init(key, shape) -> state` for latents [height, width, channels] at the
highest resolution, and a `sample(key, state, view, shape) -> noise` for latents of `shape` [views,
height, width, channels], which may be smaller by a whole factor: then the fixed noise is averaged
over blocks and rescaled to unit variance, so that a run keeps its noise from one resolution to the
next.  Where the noise is fixed but for a small part `gamma` that every step replaces (CFD's SDE,
arXiv 2501.05445), `advance(key, state, progress) -> state` replaces it.  Rules call `draw`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from sdjax.diffusion.ramps import Progress, Ramp, value_at
from sdjax.guidance.rule import View

Shape = tuple[int, int, int]


def keep(key: jax.Array, state: Any, progress: Progress) -> Any:
    """The `advance` of noise that stays as it is."""
    return state


class NoiseFunction(NamedTuple):
    """See the module."""

    init: Callable[[jax.Array, Shape], Any]
    sample: Callable[[jax.Array, Any, View, tuple[int, int, int, int]], Float[Array, "v h w c"]]
    advance: Callable[[jax.Array, Any, Progress], Any] = keep

    def draw(
        self,
        key: jax.Array,
        state: Any,
        view: View,
        shape: tuple[int, int, int, int],
        progress: Progress,
    ) -> tuple[Float[Array, "v h w c"], Any]:
        """The noise of one step, and the state of the next."""
        if self.advance is keep:
            return self.sample(key, state, view, shape), state
        key, refresh_key = jax.random.split(key)
        return self.sample(key, state, view, shape), self.advance(refresh_key, state, progress)


class WorldMap(NamedTuple):
    """The fixed noises of `world_map`."""

    foreground: Float[Array, "map_height map_width c"]  # padded by one window
    background: Float[Array, "h w c"]


def gaussian() -> NoiseFunction:
    """Independent noise at every step, as SDS uses it."""
    return NoiseFunction(
        init=lambda key, shape: (),
        sample=lambda key, state, view, shape: jax.random.normal(key, shape),
    )


def offset_gaussian(strength: float = 0.1) -> NoiseFunction:
    """`offset` noise, fresh at every step, as LucidDreamer's official code has it."""

    def sample(key, state, view, shape):
        pixel_key, channel_key = jax.random.split(key)
        per_channel = jax.random.normal(channel_key, (1, 1, 1, shape[-1]))
        return offset(jax.random.normal(pixel_key, shape), per_channel, strength)

    return NoiseFunction(init=lambda key, shape: (), sample=sample)


def offset(
    noise: Float[Array, "v h w c"], per_channel: Float[Array, "1 1 1 c"], strength: float
) -> Float[Array, "v h w c"]:
    """noise + strength per_channel: one more draw for each channel, shared by all pixels and
    views; its variance is 1 + strength^2."""
    return noise + strength * per_channel


def fixed(gamma: float | Ramp = 0.0) -> NoiseFunction:
    """One noise for the whole run and all views (FSD in 2D, arXiv 2405.10988, section 3.2), or
    one of which every step refreshes the part `gamma` (see `refresh`)."""

    def sample(key, noise, view, shape):
        return jnp.broadcast_to(reduce_noise(noise, shape[1:3]), shape)

    return NoiseFunction(jax.random.normal, sample, refreshing(gamma))


def refresh(key: jax.Array, noise: Any, gamma: float | Float[Array, ""]) -> Any:
    """sqrt(1 - gamma) noise + sqrt(gamma) fresh, for every array of a pytree of unit noise."""
    leaves, structure = jax.tree.flatten(noise)

    def renew(leaf, key):
        return blend(leaf, jax.random.normal(key, leaf.shape, leaf.dtype), 1.0 - gamma)

    return structure.unflatten(map(renew, leaves, jax.random.split(key, len(leaves))))


def refreshing(
    gamma: float | Ramp, mend: Callable[[Any], Any] = lambda noise: noise
) -> Callable[[jax.Array, Any, Progress], Any]:
    """An `advance` by `refresh`, followed by `mend`."""
    if gamma == 0.0:
        return keep
    return lambda key, noise, progress: mend(refresh(key, noise, value_at(gamma, progress)))


def world_map(
    theta: float = 180.0,
    beta: float = 1.0,
    *,
    fixed_background: bool = True,
    gamma: float | Ramp = 0.0,
) -> NoiseFunction:
    """Noise fixed on a map of the world (FSD, arXiv 2405.10988, section 4.1 and equation 16).

    The map spans 360 degrees of azimuth and 180 of elevation; a view sees the window of `theta`
    degrees that begins at its direction.  Pixels whose opacity is at least 0.5 read the map, the
    others a fixed background, or fresh noise.  The result is sqrt(beta) times that plus
    sqrt(1 - beta) times fresh noise; `beta` 1 is fully determined.  The map and the background
    are refreshed by `gamma` at every step.
    """

    def init(key, shape):
        foreground, background = jax.random.split(key)
        raw = jax.random.normal(foreground, world_map_shape(theta, shape))
        return WorldMap(periodic(raw, shape[1]), jax.random.normal(background, shape))

    def sample(key, state, view, shape):
        size = state.background.shape
        window = jax.vmap(lambda camera: world_map_window(state, theta, camera, size))(view.camera)
        window = jax.vmap(lambda noise: reduce_noise(noise, shape[1:3]))(window)
        background_key, blend_key = jax.random.split(key)
        if fixed_background:
            background = jnp.broadcast_to(reduce_noise(state.background, shape[1:3]), shape)
        else:
            background = jax.random.normal(background_key, shape)
        noise = jnp.where(foreground_mask(view.opacity, shape[1:3]), window, background)
        return noise if beta == 1.0 else blend(noise, jax.random.normal(blend_key, shape), beta)

    def mend(state):
        return state._replace(foreground=periodic(state.foreground, state.background.shape[1]))

    return NoiseFunction(init, sample, refreshing(gamma, mend))


def world_map_shape(theta: float, shape: Shape) -> Shape:
    """[180/theta h + h, 360/theta w + w, c]: the map with room for one window at each end."""
    height, width, channels = shape
    return int(180 / theta * height) + height, int(360 / theta * width) + width, channels


def periodic(raw: Float[Array, "mh mw c"], width: int) -> Float[Array, "mh mw c"]:
    """Copy half a window of columns to each end, so that azimuth 360 continues at 0."""
    half, period = width // 2, raw.shape[1] - width
    padded = raw.at[:, :half].set(raw[:, period : period + half])
    return padded.at[:, -half:].set(raw[:, half : 2 * half])


def world_map_window(
    state: WorldMap, theta: float, camera: Any, size: Shape
) -> Float[Array, "h w c"]:
    """The window that one camera sees: row -elevation, column azimuth, in map pixels, cut off
    to whole ones; both wrap around."""
    height, width, channels = size
    rows, columns = int(180 / theta * height), int(360 / theta * width)
    row = jnp.mod(-camera.elevation * (rows / 180.0), rows).astype(jnp.int32)
    column = jnp.mod(camera.azimuth * (columns / 360.0), columns).astype(jnp.int32)
    return jax.lax.dynamic_slice(state.foreground, (row, column, 0), (height, width, channels))


def foreground_mask(
    opacity: Float[Array, "views h w 1"], size: tuple[int, int]
) -> Bool[Array, "views height width 1"]:
    """Where the mean opacity of a latent pixel is at least one half."""
    views, height, width, _ = opacity.shape
    blocks = opacity.reshape(views, size[0], height // size[0], size[1], width // size[1], 1)
    return blocks.mean(axis=(2, 4)) >= 0.5


def reduce_noise(noise: Float[Array, "h w c"], size: tuple[int, int]) -> Float[Array, "a b c"]:
    """Block means times the block's width: unit-variance noise at a lower resolution."""
    height, width, channels = noise.shape
    rows, columns = height // size[0], width // size[1]
    blocks = noise.reshape(size[0], rows, size[1], columns, channels)
    return blocks.mean(axis=(1, 3)) * (rows * columns) ** 0.5


def blend(
    noise: Float[Array, "..."], fresh: Float[Array, "..."], beta: float | Float[Array, ""]
) -> Float[Array, "..."]:
    """sqrt(beta) noise + sqrt(1 - beta) fresh."""
    return beta**0.5 * noise + (1.0 - beta) ** 0.5 * fresh
