"""What a noise function is, and what all of them share.

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
from jaxtyping import Array, Bool, Float

from sdjax.config.fields import fraction
from sdjax.diffusion.ramps import Progress, Ramp, ramped, value_at
from sdjax.rules.contract import View

Shape = tuple[int, int, int]


def keep(key: jax.Array, state: Any, progress: Progress | None) -> Any:
    """The `advance` of noise that stays as it is."""
    return state


def as_it_is(view: View, progress: Progress | None) -> View:
    """The `look` of noise that takes the rendering's own surface."""
    return view


class NoiseFunction(NamedTuple):
    """See the module; `look(view, progress)` is the surface that the noise takes a view for."""

    init: Callable[[jax.Array, Shape], Any]
    sample: Callable[[jax.Array, Any, View, tuple[int, int, int, int]], Float[Array, "v h w c"]]
    advance: Callable[[jax.Array, Any, Progress], Any] = keep
    look: Callable[[View, Progress | None], View] = as_it_is

    def draw(
        self,
        key: jax.Array,
        state: Any,
        view: View | None,
        shape: tuple[int, int, int, int],
        progress: Progress | None,
    ) -> tuple[Float[Array, "v h w c"], Any]:
        """The noise of one step, and the state of the next."""
        view = view if view is None else self.look(view, progress)
        if self.advance is keep:
            return self.sample(key, state, view, shape), state
        key, refresh_key = jax.random.split(key)
        return self.sample(key, state, view, shape), self.advance(refresh_key, state, progress)


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


def blend(
    noise: Float[Array, "..."], fresh: Float[Array, "..."], beta: float | Float[Array, ""]
) -> Float[Array, "..."]:
    """sqrt(beta) noise + sqrt(1 - beta) fresh."""
    return beta**0.5 * noise + (1.0 - beta) ** 0.5 * fresh


def reduce_noise(noise: Float[Array, "h w c"], size: tuple[int, int]) -> Float[Array, "a b c"]:
    """Block means times the block's width: unit-variance noise at a lower resolution."""
    height, width, channels = noise.shape
    rows, columns = height // size[0], width // size[1]
    blocks = noise.reshape(size[0], rows, size[1], columns, channels)
    return blocks.mean(axis=(1, 3)) * (rows * columns) ** 0.5


def foreground_mask(
    opacity: Float[Array, "views h w 1"], size: tuple[int, int]
) -> Bool[Array, "views height width 1"]:
    """Where the mean opacity of a latent pixel is at least one half."""
    views, height, width, _ = opacity.shape
    blocks = opacity.reshape(views, size[0], height // size[0], size[1], width // size[1], 1)
    return blocks.mean(axis=(2, 4)) >= 0.5


GAMMA = ramped(fraction()).says("the part of fixed noise that each step replaces (CFD's SDE)")
BETA = fraction().says("sqrt(beta) fixed + sqrt(1 - beta) fresh noise; 1: fully determined")


def placeless(noise: Callable[..., NoiseFunction]) -> Callable[..., NoiseFunction]:
    """The `make` of noise that does not ask how large the scene is."""
    return lambda radius=None, **fields: noise(**fields)
