"""Analytic fields whose pictures and meshes are known."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp

from sdjax.scene.fields.field import Field, activate


def ball(points, radius):
    """Raw density of a hard ball: positive inside."""
    return 1000 * (radius - jnp.sqrt(jnp.sum(points**2, axis=-1)))


@flax.struct.dataclass
class Ball(Field):
    """A hard ball of one colour around the origin."""

    ball_radius: float = 0.5
    colour: tuple = flax.struct.field(pytree_node=False, default=(0.8, 0.4, 0.2))

    def init(self, key: jax.Array) -> dict:
        return {}

    def values(self, params: Any, points):
        raise AssertionError("these shapes know their raw density and colour themselves")

    def raw_density(self, params: Any, points):
        return ball(points, self.ball_radius)

    def __call__(self, params: Any, points, directions):
        density = activate(self.raw_density(params, points), self.unit(points))
        return density, jnp.broadcast_to(jnp.array(self.colour), points.shape)


@flax.struct.dataclass
class Fog(Ball):
    """The same density in the whole cube."""

    density: float = 0.7

    def raw_density(self, params: Any, points):
        return jnp.full(points.shape[:1], jnp.log(jnp.expm1(self.density)))


@flax.struct.dataclass
class Faint(Ball):
    """The ball at a density that lets most of the light through."""

    density: float = 0.8

    def raw_density(self, params: Any, points):
        low, high = jnp.log(jnp.expm1(jnp.array([1e-4, self.density])))
        return jnp.where(ball(points, self.ball_radius) > 0, high, low)


@flax.struct.dataclass
class Shell(Ball):
    """The ball with a hollow of half its radius."""

    def raw_density(self, params: Any, points):
        return jnp.minimum(ball(points, self.ball_radius), -ball(points, 0.5 * self.ball_radius))


@flax.struct.dataclass
class BoxAndFloater(Ball):
    """The box |x| < .5, |y| < .4, |z| < .3 and a small ball in a corner."""

    def raw_density(self, params: Any, points):
        box = 1000 * jnp.min(jnp.array([[0.5, 0.4, 0.3]]) - jnp.abs(points), axis=-1)
        return jnp.maximum(box, ball(points - jnp.array([[0.8, 0.8, 0.8]]), 0.08))

    def __call__(self, params: Any, points, directions):
        density = activate(self.raw_density(params, points), self.unit(points))
        return density, 0.5 + 0.5 * jnp.sign(points)
