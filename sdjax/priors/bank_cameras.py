"""The cameras of a bank: where they stand, and which of them is the nearest."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.cameras import DIRECTIONS, Camera, position, spread_cameras, view_direction
from sdjax.config.errors import UserError
from sdjax.priors.kind import Band
from sdjax.rules.view_bins import ViewBins, nearest_bins


def spread(number: int, band: Band, azimuth: float = 0.0, together: int = 1) -> Camera:
    """`number` cameras spread evenly over a band, the first at `azimuth` degrees.

    With `together` > 1 they are rigs, one after the other: `together` cameras of one height at
    azimuths 360 / together degrees apart, of which the first are spread over that angle; the first
    of all is at `azimuth` but for whole turns of it.  Raises a UserError where the rigs are not
    whole.
    """
    if together == 1:
        return spread_cameras(number, azimuth=azimuth, **band._asdict())
    if number % together:
        nearest = max(1, round(number / together)) * together
        raise UserError(
            f"A bank was asked for {number} cameras, expected a multiple of {together}, the views "
            f"that the prior draws together; the nearest is {nearest}."
        )
    first = spread_cameras(number // together, azimuth=together * azimuth, **band._asdict())
    rigs = jax.tree.map(lambda leaf: jnp.repeat(leaf, together), first)
    turns = jnp.tile(jnp.arange(together) * (360.0 / together), number // together)
    return rigs._replace(azimuth=rigs.azimuth / together + turns)


def nearest_of(cameras: Camera, camera: Camera, together: int = 1) -> Int[Array, "*views"]:
    """The index of the one of `cameras` [cameras] whose direction is nearest to that of `camera`.

    Of `together` consecutive views only the first looks for its own; the others are moved by as
    much as it is.  So a rig becomes one of the rigs of the bank, whatever the rounding of angles;
    views that are not whole scenes look each for their own.
    """
    if together == 1 or camera.azimuth.ndim != 1 or len(camera.azimuth) % together:
        return _nearest(cameras, camera)
    first = jax.tree.map(lambda leaf: leaf[::together], camera)
    found = _nearest(cameras, first)

    def moved(own, all_of_bank, of_first):
        return own + jnp.repeat(all_of_bank[found] - of_first, together)

    azimuth = moved(camera.azimuth, cameras.azimuth, first.azimuth)
    elevation = moved(camera.elevation, cameras.elevation, first.elevation)
    return _nearest(cameras, camera._replace(azimuth=azimuth, elevation=elevation))


def bank_bins(cameras: Camera, together: int = 1) -> ViewBins:
    """A bin for each camera of a bank."""
    bins = nearest_bins(cameras)
    if together == 1:
        return bins
    bin_of = lambda camera: nearest_of(cameras, camera, together)  # noqa: E731
    return bins._replace(bin_of=bin_of, together=together)


def cameras_of_directions(cameras: Camera) -> Int[Array, "directions most"]:
    """The indices of the cameras that each word of `view_direction` stands for, padded by -1."""
    direction = np.asarray(view_direction(cameras))
    own = [np.flatnonzero(direction == index) for index in range(len(DIRECTIONS))]
    most = max(map(len, own))
    return jnp.asarray([np.pad(each, (0, most - len(each)), constant_values=-1) for each in own])


def _nearest(cameras: Camera, camera: Camera) -> Int[Array, "*views"]:
    return jnp.argmax(_direction(camera) @ _direction(cameras).T, axis=-1)


def _direction(camera: Camera) -> Float[Array, "*views 3"]:
    return position(camera) / camera.distance[..., None]
