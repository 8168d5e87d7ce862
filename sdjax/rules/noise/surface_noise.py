"""Noise that sticks to the rendered surface (CFD, arXiv 2501.05445).

Six flat maps of space (surface_maps.py) carry fine noise.  Each pixel of the latents is laid as
two triangles onto the surface that it sees and from there onto every map; its noise is the sum of
the n texels that it covers there, over sqrt(n): unit noise, independent between pixels, and the
same for the same piece of surface in all views.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from sdjax import cameras
from sdjax.config.errors import UserError
from sdjax.config.fields import fields_of, fraction, number, optional, whole
from sdjax.config.kinds import Kind
from sdjax.diffusion.ramps import Ramp
from sdjax.rules.contract import needed_view
from sdjax.rules.noise.ball import ball_at_first
from sdjax.rules.noise.function import (
    BETA,
    GAMMA,
    NoiseFunction,
    as_it_is,
    blend,
    reduce_noise,
    refreshing,
)
from sdjax.rules.noise.rasterise import rasterise
from sdjax.rules.noise.surface_maps import AXES, SIGNS, equal_area, layer_of

THRESHOLD = 0.1  # of the opacity of a surface


class Surface(NamedTuple):
    """The fixed noises of `surface`."""

    maps: Float[Array, "six layers resolution resolution c"]
    background: Float[Array, "h w c"]


class Maps(NamedTuple):
    """How the six maps are laid out.

    They have `resolution` texels a side, by default 8 for each pixel of the latents' side.
    `layers` are shells of distance to the origin with maps of their own.  `window` bounds the size
    of a pixel on a map (`rasterise`), by default 4 times the texels for a pixel of the latents'
    side: on a ball that fills two thirds of the picture this loses 1 texel in 200.  `equal_area`
    and `drop_straddling` are explained at surface_maps.py; without `equal_area` the maps are
    parallel projections along the axes.
    """

    resolution: int | None = None
    layers: int = 1
    window: int | None = None
    equal_area: bool = True
    drop_straddling: bool = False


def surface(
    radius: float = 1.0,
    maps: Maps = Maps(),  # noqa: B008 (a tuple of constants)
    beta: float = 1.0,
    *,
    smooth: bool = True,
    fixed_background: bool = True,
    gamma: float | Ramp = 0.0,
    ball_warm_up: float = 0.0,
    ball_radius: float = 0.5,
) -> NoiseFunction:
    """The noise of the module; pixels that see no surface have a fixed background, or fresh noise.

    The surface is at the view's `depth`; its parts farther than `radius` from the origin are left
    out.  `smooth` and the corners of a pixel: see `corner_points`.  `beta` blends in fresh noise,
    as `world_map` does, and `gamma` refreshes maps and background at every step.  Latents of a
    lower resolution read the same maps in larger pixels.  For the first `ball_warm_up` of a run, a
    fraction, a ball of `ball_radius` stands for the surface (`sdjax.rules.noise.ball`).

    The maps take 24 layers resolution^2 channels bytes.  Officially they have 2048 x 2048 texels
    (400 MB), 1 layer in effect, a fixed background, smoothing and beta 1.
    """

    def init(key, shape):
        key, background = jax.random.split(key)
        side = maps.resolution or 8 * max(shape[:2])
        texels = jax.random.normal(key, (len(AXES), maps.layers, side, side, shape[-1]))
        return Surface(texels, jax.random.normal(background, shape))

    def sample(key, state, view, shape):
        if needed_view(view).depth is None:
            raise UserError(
                "The view has no depth and the noise is that of a surface: give "
                "View(camera, opacity, depth), or take world_map() noise."
            )
        view = jax.lax.stop_gradient(view)
        look = jax.vmap(lambda *args: one_view(state, radius, maps, smooth, *args, shape[1:3]))
        found, covered = look(view.camera, view.opacity, view.depth)
        background_key, blend_key = jax.random.split(key)
        if fixed_background:
            background = jnp.broadcast_to(reduce_noise(state.background, shape[1:3]), shape)
        else:
            background = jax.random.normal(background_key, shape)
        noise = jnp.where(covered, found, background)
        return noise if beta == 1.0 else blend(noise, jax.random.normal(blend_key, shape), beta)

    look = ball_at_first(ball_warm_up, ball_radius) if ball_warm_up else as_it_is
    return NoiseFunction(init, sample, refreshing(gamma), look)


def one_view(
    state: Surface,
    radius: float,
    maps: Maps,
    smooth: bool,
    camera: Any,
    opacity: Float[Array, "h w 1"],
    depth: Float[Array, "h w 1"],
    size: tuple[int, int],
) -> tuple[Float[Array, "height width c"], Bool[Array, "height width 1"]]:
    """The noise on the surface, zero where `covered` is False."""
    origins, directions = cameras.rays(camera, *opacity.shape[:2])
    points = (origins + depth * directions) / radius
    corners, solid = corner_points(points, opacity, size, smooth=smooth)
    total, count = gather(state.maps, corners, solid, size, maps)
    return total / jnp.sqrt(jnp.maximum(count, 1.0)), count > 0.0


def corner_points(
    points: Float[Array, "h w 3"],
    opacity: Float[Array, "h w 1"],
    size: tuple[int, int],
    *,
    smooth: bool,
) -> tuple[Float[Array, "corners 3"], Bool[Array, "corners"]]:
    """The surface at the (height + 1) (width + 1) corners of the latents' pixels, row by row, and
    whether there is one: an opacity above 0.1.

    Picked from the image, or, if `smooth`, averaged over blocks around each corner: points over
    the solid part of the block only, the opacity over all of it, with zeros beyond the image.
    """
    strides = tuple(n // m for n, m in zip(points.shape[:2], size, strict=True))
    if 0 in strides:
        raise UserError(
            f"Surface noise was given a rendering of {points.shape[:2]} pixels for latents of "
            f"{size}, expected at least as many: render larger."
        )
    if smooth:
        mask = (opacity > THRESHOLD).astype(points.dtype)
        share = block_means(mask, strides)
        points = block_means(points * mask, strides) / jnp.where(share > 0.0, share, 1.0)
        opacity = block_means(opacity, strides)
    else:
        rows, columns = (
            jnp.minimum(jnp.arange(m + 1) * stride, m * stride - 1)
            for m, stride in zip(size, strides, strict=True)
        )
        points, opacity = (array[rows[:, None], columns[None]] for array in (points, opacity))
    return points.reshape(-1, 3), opacity.reshape(-1) > THRESHOLD


def block_means(
    image: Float[Array, "h w c"], strides: tuple[int, int]
) -> Float[Array, "corners_h corners_w c"]:
    """Around the corners of blocks of `strides` pixels, over as many pixels (one more if odd)."""
    window = tuple((stride + 1) // 2 * 2 for stride in strides)
    padding = tuple((width // 2, width // 2) for width in window)
    total = jax.lax.reduce_window(
        image, 0.0, jax.lax.add, (*window, 1), (*strides, 1), (*padding, (0, 0))
    )
    return total / (window[0] * window[1])


def triangles(size: tuple[int, int]) -> Int[Array, "faces 3"]:
    """Two per pixel, as indices of its corners: first one of each pixel, then the other."""
    height, width = size
    first = jnp.arange(height)[:, None] * (width + 1) + jnp.arange(width)[None]
    first = first.reshape(-1)
    right, below = first + 1, first + width + 1
    return jnp.concatenate(
        [jnp.stack([first, right, below], 1), jnp.stack([right, below, below + 1], 1)]
    )


def gather(
    textures: Float[Array, "six layers resolution resolution c"],
    corners: Float[Array, "corners 3"],
    solid: Bool[Array, "corners"],
    size: tuple[int, int],
    maps: Maps,
) -> tuple[Float[Array, "height width c"], Float[Array, "height width 1"]]:
    """The sum of the texels that each pixel covers in all maps and layers, and their number."""
    faces, pixels = triangles(size), size[0] * size[1]
    kept = jnp.all(solid[faces], axis=1)

    def one_layer(sums, step):
        textures, axes, sign, layer = step
        points = corners[:, axes]
        points = equal_area(points, sign) if maps.equal_area else points
        shells = layer_of(points[:, 2][faces], maps.layers, drop_straddling=maps.drop_straddling)
        seen = rasterise(points, faces, kept & (shells == layer), resolution, window)
        # the two faces of a pixel are `pixels` apart; texels that see none add to a spare row
        pixel = jnp.where(seen == 0, pixels, (seen - 1) % pixels).reshape(-1)
        texels = textures.reshape(-1, channels)
        ones = jnp.ones((len(texels), 1), texels.dtype)
        return sums.at[pixel].add(jnp.concatenate([texels, ones], axis=1)), None

    resolution, channels = textures.shape[-2:]
    window = maps.window or 4 * resolution // min(size)
    steps = (
        textures.reshape(-1, *textures.shape[2:]),
        jnp.repeat(jnp.asarray(AXES), maps.layers, axis=0),
        jnp.repeat(jnp.asarray(SIGNS, corners.dtype), maps.layers),
        jnp.tile(jnp.arange(maps.layers), len(AXES)),
    )
    empty = jnp.zeros((pixels + 1, channels + 1), textures.dtype)
    sums = jax.lax.scan(one_layer, empty, steps)[0][:-1].reshape(*size, -1)
    return sums[..., :-1], sums[..., -1:]


def _make(radius: float, map_texels: int | None, **fields: Any) -> NoiseFunction:
    return surface(radius, Maps(map_texels), **fields)


SURFACE = Kind(
    "surface",
    _make,
    {
        "map_texels": optional(whole(at_least=8)).of(
            None, "of a map's side; None: 8 for each pixel of the latents"
        ),
        **fields_of(
            surface,
            beta=BETA,
            gamma=GAMMA,
            ball_warm_up=fraction().says("of the run: a ball stands for the surface"),
            ball_radius=number(above=0).says("of that ball, world units"),
        ),
    },
)
