"""Where along a ray the field is evaluated.

Every sampler returns the edges of intervals that tile [near, far] without gaps, front to
back; the field is evaluated at their midpoints.  Jitter moves all inner edges of a ray
together (one draw a ray, in intervals); without it they stay where they are.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def cube_interval(
    origins: Float[Array, "*rays 3"], directions: Float[Array, "*rays 3"], radius: float = 1.0
) -> tuple[Float[Array, "*rays"], Float[Array, "*rays"]]:
    """Distances `near <= far`, both >= 0, between which a ray is in the cube
    [-radius, radius]^3; near is 0 for a ray that starts inside.

    A ray that misses gets near = far = its distance of closest approach to the origin.
    """
    safe = jnp.where(jnp.abs(directions) < 1e-9, 1e-9, directions)
    first, second = (-radius - origins) / safe, (radius - origins) / safe
    near = jnp.maximum(jnp.max(jnp.minimum(first, second), axis=-1), 0)
    far = jnp.min(jnp.maximum(first, second), axis=-1)
    closest = jnp.maximum(-jnp.sum(origins * directions, axis=-1), 0)
    hit = far > near
    return jnp.where(hit, near, closest), jnp.where(hit, far, closest)


def draw_jitter(key: jax.Array | None, rays: tuple[int, ...]) -> Float[Array, "*rays"] | None:
    """Uniform in [-0.5, 0.5), one a ray; without a key, none."""
    return None if key is None else jax.random.uniform(key, rays, minval=-0.5, maxval=0.5)


def uniform_edges(
    jitter: Float[Array, "*rays"] | None,
    near: Float[Array, "*rays"],
    far: Float[Array, "*rays"],
    count: int,
) -> Float[Array, "*rays {count}+1"]:
    """`count` intervals of equal length (but for the first and last, if jittered)."""
    return near[..., None] + (far - near)[..., None] * _quantiles(jitter, near.shape, count)


def importance_edges(
    jitter: Float[Array, "*rays"] | None,
    weights: Float[Array, "*rays m"],
    edges: Float[Array, "*rays m+1"],
    count: int,
    padding: float = 0.2,
) -> Float[Array, "*rays {count}+1"]:
    """`count` intervals of equal mass under a histogram of weights (its inverse CDF).

    The histogram is widened to its neighbours (max, then mean: mip-NeRF, arXiv 2103.13415)
    and mixed with `padding` of a uniform one, so that no region is ever starved:

        p = (1 - padding) * widen(w) / sum(widen(w)) + padding / m

    With cumulated masses c_j and widths b_j, the inverse CDF is piecewise linear,
    t(u) = near + sum_j b_j clip((u - c_j) / p_j, 0, 1), which needs no search.
    """
    mass = _padded_mass(weights, padding)
    start = jnp.cumsum(mass, axis=-1) - mass
    quantiles = _quantiles(jitter, edges.shape[:-1], count)[..., 1:-1]

    def add_bin(inner, bin_of_ray):
        start, mass, width = bin_of_ray
        return inner + width * jnp.clip((quantiles - start) / mass, 0, 1), None

    bins = (start, mass, jnp.diff(edges, axis=-1))
    first = jnp.broadcast_to(edges[..., :1], quantiles.shape)
    inner, _ = jax.lax.scan(add_bin, first, jax.tree.map(_bins_first, bins))
    return jnp.concatenate([edges[..., :1], inner, edges[..., -1:]], axis=-1)


def _bins_first(values: Float[Array, "*rays m"]) -> Float[Array, "m *rays 1"]:
    return jnp.moveaxis(values, -1, 0)[..., None]


def _quantiles(
    jitter: Float[Array, "*rays"] | None, rays: tuple[int, ...], count: int
) -> Float[Array, "*rays {count}+1"]:
    inner = jnp.broadcast_to(jnp.arange(1, count, dtype=jnp.float32), (*rays, count - 1))
    if jitter is not None:
        inner = inner + jitter[..., None]
    ends = jnp.zeros((*rays, 1))
    return jnp.concatenate([ends, inner / count, ends + 1], axis=-1)


def _padded_mass(weights: Float[Array, "*rays m"], padding: float) -> Float[Array, "*rays m"]:
    side = [(0, 0)] * (weights.ndim - 1) + [(1, 1)]
    padded = jnp.pad(weights, side, mode="edge")
    upper = jnp.maximum(padded[..., :-1], padded[..., 1:])
    widened = 0.5 * (upper[..., :-1] + upper[..., 1:]) + 1e-6
    share = widened / jnp.sum(widened, axis=-1, keepdims=True)
    return (1 - padding) * share + padding / weights.shape[-1]
