"""What a ray sees behind the object: `init(key)` and `background(params, key, directions)`.

All of them take unit `directions` [h, w, 3] into the scene and give colours in [0, 1].
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdjax.config.fields import Field, fraction, listed, several
from sdjax.scene.fields.network import apply_network, encode_frequencies, init_network

WHITE = (1.0, 1.0, 1.0)


@flax.struct.dataclass
class Solid:
    """One colour everywhere."""

    colour: tuple[float, float, float] = flax.struct.field(pytree_node=False, default=WHITE)

    def init(self, key: jax.Array) -> dict:
        """Nothing to learn."""
        return {}

    def __call__(
        self, params: dict, key: jax.Array | None, directions: Float[Array, "h w 3"]
    ) -> Float[Array, "h w 3"]:
        """The colour; the key does not matter."""
        return jnp.broadcast_to(jnp.array(self.colour), directions.shape)


@flax.struct.dataclass
class Learned:
    """A small network of the direction ("neural environment map"): sigmoid(network(encode(d))).

    The official recipes use a width of 16 with two hidden layers (threestudio); the output
    starts as grey.
    """

    frequencies: int = flax.struct.field(pytree_node=False, default=3)
    width: int = flax.struct.field(pytree_node=False, default=16)
    layers: int = flax.struct.field(pytree_node=False, default=2)

    def init(self, key: jax.Array) -> Any:
        """The network's layers."""
        sizes = (3 + 6 * self.frequencies, *[self.width] * self.layers, 3)
        return init_network(key, sizes, last_scale=0.1)

    def __call__(
        self, params: Any, key: jax.Array | None, directions: Float[Array, "h w 3"]
    ) -> Float[Array, "h w 3"]:
        """The environment; the key does not matter."""
        features = encode_frequencies(directions.reshape(-1, 3), self.frequencies)
        return jax.nn.sigmoid(apply_network(params, features)).reshape(directions.shape)


@flax.struct.dataclass
class Random:
    """With `probability`, one uniformly random colour for the whole image; else `otherwise`.

    It keeps the object from painting the background onto itself.  The official "env+random"
    is Random(Learned(), 0.5).  Without a key (evaluation) it is always `otherwise`.
    """

    otherwise: Solid | Learned = Solid()
    probability: float = flax.struct.field(pytree_node=False, default=0.5)

    def init(self, key: jax.Array) -> Any:
        """The params of `otherwise`."""
        return self.otherwise.init(key)

    def __call__(
        self, params: Any, key: jax.Array | None, directions: Float[Array, "h w 3"]
    ) -> Float[Array, "h w 3"]:
        """Drawn from the key."""
        if key is None:
            return self.otherwise(params, None, directions)
        coin, colour, other = jax.random.split(key, 3)
        drawn = jnp.broadcast_to(jax.random.uniform(colour, (3,)), directions.shape)
        usual = self.otherwise(params, other, directions)
        return jnp.where(jax.random.bernoulli(coin, self.probability), drawn, usual)


Background = Solid | Learned | Random


BACKGROUNDS = {"white": Solid(), "learned": Learned(), "random": Random(Learned())}
COLOUR = several(fraction(), count=3)


def _one_or_a_colour(backgrounds: Mapping[str, Any]) -> Field:
    """The name of one of `backgrounds`, or the three numbers of a colour; the code takes the
    background."""
    named = listed(backgrounds)

    def by_name(value: Any) -> bool:
        return isinstance(value, str)

    return dataclasses.replace(
        named,
        expected=f"{named.expected}, or a colour: red, green and blue, each from 0 to 1",
        accepts=lambda value: (named if by_name(value) else COLOUR).accepts(value),
        convert=lambda value: (named if by_name(value) else COLOUR).convert(value),
        parse=lambda given: COLOUR.parse(given) if "," in given else given,
        read=lambda value, steps: (
            named.read(value, steps) if by_name(value) else Solid(tuple(value))
        ),
    )


BACKGROUND = _one_or_a_colour(BACKGROUNDS).of(
    "white",
    "behind the object; random: learned, or one colour half of the time; 0.5,0.5,0.5: that colour",
)
