"""Perp-Neg's interpolation between the directions of view (Armandpour et al., arXiv 2304.04968).

A view between front, side and back is asked for by a mixture of the two nearest directions, and
pushed away from the front and the side, so that no second face grows on the back.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from sdjax.cameras import Camera, wrapped_azimuth

# The two weights, of the negatives front and side, as a function of the turn away from the front:
# 0 at the front, 1 at the side, 2 at the back.
NegativeWeights = Callable[
    [Float[Array, "views"]], tuple[Float[Array, "views"], Float[Array, "views"]]
]


class Decay(NamedTuple):
    """f(r) = a exp(-b r) + c."""

    a: float
    b: float
    c: float

    def __call__(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """The value at `r`."""
        return self.a * jnp.exp(-self.b * r) + self.c


class DecayingWeights(NamedTuple):
    """The weights of the paper and of threestudio, from four decays; all are negated.

    Between front and side, r = 1 - turn (1 at the front): front -f_fs(r), side -f_sf(1 - r).
    Between side and back, r = 2 - turn (0 at the back): front -f_fsb(r), side -f_sb(r).
    At turn 1 the weights jump, the front's by |f_fs(0) - f_fsb(1)| and the side's by
    |f_sf(1) - f_sb(1)|: 4.7e-4 and 4.1e-4 with the defaults.
    """

    f_sb: Decay = Decay(1.0, 0.5, -0.606)
    f_fsb: Decay = Decay(1.0, 0.5, 0.967)
    f_fs: Decay = Decay(4.0, 0.5, -2.426)
    f_sf: Decay = Decay(4.0, 0.5, -2.426)

    def __call__(
        self, turn: Float[Array, "views"]
    ) -> tuple[Float[Array, "views"], Float[Array, "views"]]:
        """The weights of the front and of the side."""
        towards_front = turn < 1.0
        front = jnp.where(towards_front, self.f_fs(1.0 - turn), self.f_fsb(2.0 - turn))
        side = jnp.where(towards_front, self.f_sf(turn), self.f_sb(2.0 - turn))
        return -front, -side


def stepped_weights(
    turn: Float[Array, "views"],
) -> tuple[Float[Array, "views"], Float[Array, "views"]]:
    """The weights (front, side) of stable-dreamfusion and the codes that come from it.

    Between front and side, r = 1 - turn: front -2 exp(-2 r), but 0 for r > 0.8; side
    -2 exp(-10 (1 - r)), but 0 for r < 0.2.  Between side and back, r = 2 - turn: front -2; side
    -exp(-10 r), but 0 for r > 0.8.  They jump wherever they become 0, by up to 0.40.
    """
    near, far = 1.0 - turn, 2.0 - turn
    front_near = jnp.where(near > 0.8, 0.0, -2.0 * jnp.exp(-2.0 * near))
    side_near = jnp.where(near < 0.2, 0.0, -2.0 * jnp.exp(-10.0 * turn))
    side_far = jnp.where(far > 0.8, 0.0, -jnp.exp(-10.0 * far))
    towards_front = turn < 1.0
    return jnp.where(towards_front, front_near, -2.0), jnp.where(towards_front, side_near, side_far)


class Mixing(NamedTuple):
    """Coefficients over five embeddings (side, front, back, overhead, unconditional) per view, or
    over six with two sides (left, front, back, overhead, right, unconditional)."""

    positive: Float[Array, "views texts"]
    negatives: tuple[Float[Array, "views texts"], Float[Array, "views texts"]]
    weights: tuple[Float[Array, "views"], Float[Array, "views"]]


def mixing(
    camera: Camera,
    weights: NegativeWeights | None = None,
    *,
    overhead: float = 60.0,
    two_sides: bool = False,
) -> Mixing:
    """How Perp-Neg mixes the embeddings for cameras [views]; `weights` defaults to
    `DecayingWeights()`.

    turn = |azimuth| / 90 with the azimuth in [-180, 180).  The positive embedding is linear
    between front (turn 0), side (1) and back (2).  The negatives are front and side, in this
    order everywhere (threestudio swaps the two at turn 1, which leaves their sum as it is).
    Above elevation `overhead` (degrees): positive overhead, negatives unconditional, weights 0.
    So the positive is continuous in azimuth, the weights are as `weights` are, and everything
    jumps in elevation, at `overhead`.  With `two_sides` the side is the left or the right one by
    the sign of the azimuth: the negative changes from one to the other at the front and the back.
    """
    weights = DecayingWeights() if weights is None else weights
    turn = jnp.abs(wrapped_azimuth(camera)) / 90.0
    above = camera.elevation > overhead
    zero, one = jnp.zeros_like(turn), jnp.ones_like(turn)
    coefficients = lambda side, front, back: jnp.stack(  # noqa: E731
        [side, front, back, zero, zero], axis=-1
    )
    of_overhead = jnp.stack([zero, zero, zero, one, zero], axis=-1)
    of_unconditional = jnp.stack([zero, zero, zero, zero, one], axis=-1)

    side = 1.0 - jnp.abs(turn - 1.0)
    positive = coefficients(side, jnp.maximum(1.0 - turn, 0.0), jnp.maximum(turn - 1.0, 0.0))
    negatives = (coefficients(zero, one, zero), coefficients(one, zero, zero))
    choose = lambda there, here: jnp.where(above[:, None], there, here)  # noqa: E731
    front_weight, side_weight = (jnp.where(above, 0.0, weight) for weight in weights(turn))
    mix = Mixing(
        choose(of_overhead, positive),
        (choose(of_unconditional, negatives[0]), choose(of_unconditional, negatives[1])),
        (front_weight, side_weight),
    )
    return _with_two_sides(mix, wrapped_azimuth(camera) < 0.0) if two_sides else mix


def _with_two_sides(mix: Mixing, right: Bool[Array, "views"]) -> Mixing:
    """The coefficients of the side as those of the left or the right one."""

    def apart(coefficients):
        side, others, unconditional = jnp.split(coefficients, [1, 4], axis=-1)
        on_left, on_right = (jnp.where(here[:, None], side, 0.0) for here in (~right, right))
        return jnp.concatenate([on_left, others, on_right, unconditional], axis=-1)

    return mix._replace(positive=apart(mix.positive), negatives=tuple(map(apart, mix.negatives)))
