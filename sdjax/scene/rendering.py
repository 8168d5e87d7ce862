"""What rendering one particle from one camera gives."""

from typing import NamedTuple

from jaxtyping import Array, Float

Progress = float | Float[Array, ""]  # of the run, 0 at its start, 1 at its end


class Samples(NamedTuple):
    """The intervals along every ray, for regularisers."""

    directions: Float[Array, "h w 3"]  # unit vectors into the scene
    distances: Float[Array, "h w n"]  # of the midpoints from the camera
    deltas: Float[Array, "h w n"]  # lengths
    weights: Float[Array, "h w n"]  # see volume.py
    normals: Float[Array, "h w n 3"] | None  # unit, outwards; if the renderer was asked
    perturbed_normals: Float[Array, "h w n 3"] | None  # at displaced points; if asked


class Rendering(NamedTuple):
    """One image and what lies behind its pixels; row 0 is the top.

    A particle of latents (latents.py) has the prior's channels instead of three colours.
    """

    colour: Float[Array, "h w channels"]  # composited over the background, about 0..1
    opacity: Float[Array, "h w 1"]  # 0..1
    depth: Float[Array, "h w 1"]  # distance along the ray, world units
    normal: Float[Array, "h w 3"] | None  # unit or zero, world space; if asked
    samples: Samples | None
